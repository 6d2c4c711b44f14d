"""The AWS permissions of an app, declared with its routes."""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence


class Needs:
    """The permissions that the function's role needs, in addition to the secrets that its environment refers to.

        app = App("kb-ingest", needs=Needs(consumes=("kb-ingest",), buckets=("kb-documents",)))

    `org-common doctor` compares them with the roles of deployed functions.
    """

    __slots__ = ("actions", "buckets", "consumes", "queues", "secrets")

    secrets: "tuple[str, ...]"
    """Secrets that the app reads: references, as `get_secret()` takes them."""
    queues: "tuple[str, ...]"
    """SQS queues that the app sends to, by name or ARN."""
    consumes: "tuple[str, ...]"
    """SQS queues that invoke the function, by name or ARN."""
    buckets: "tuple[str, ...]"
    """S3 buckets that the app reads and writes, by name or ARN."""
    actions: "tuple[str, ...]"
    """All other actions that the app calls. Example: "bedrock:InvokeModel"."""

    def __init__(
        self,
        *,
        secrets: "Sequence[str]" = (),
        queues: "Sequence[str]" = (),
        consumes: "Sequence[str]" = (),
        buckets: "Sequence[str]" = (),
        actions: "Sequence[str]" = (),
    ) -> None:
        """Raises `TypeError` for a string in place of a sequence, and for an invalid action."""
        for name, values in (("secrets", secrets), ("queues", queues), ("consumes", consumes), ("buckets", buckets)):
            if isinstance(values, str):
                # It would count as one name for each letter.
                raise TypeError(f"Needs({name}={values!r}) is a string, not a sequence of strings: write ({values!r},)")
        for action in actions:
            if action.count(":") != 1 or not all(action.split(":")):
                raise TypeError(f'Needs(actions=…): {action!r} is not a valid action. Example: "bedrock:InvokeModel"')
        self.secrets = tuple(secrets)
        self.queues = tuple(queues)
        self.consumes = tuple(consumes)
        self.buckets = tuple(buckets)
        self.actions = tuple(actions)

    def __repr__(self) -> str:
        fields = ((name, getattr(self, name)) for name in self.__slots__)
        return f"Needs({', '.join(f'{name}={value!r}' for name, value in fields if value)})"
