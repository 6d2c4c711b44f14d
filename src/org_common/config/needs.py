"""What an app asks of AWS, declared beside its routes."""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Sequence


class Needs:
    """What the function's role must allow, besides the secrets that its environment refers to.

        app = App("kb-ingest", needs=Needs(consumes=("kb-ingest",), buckets=("kb-documents",)))

    `secrets` are references, as `get_secret()` takes them. `queues` are sent to, `consumes` are taken from; `buckets`
    are read and written; each by name or ARN. `actions` are all else that the app calls: "bedrock:InvokeModel".
    `org-common doctor` compares this with the roles of deployed functions.
    """

    __slots__ = ("actions", "buckets", "consumes", "queues", "secrets")

    def __init__(
        self,
        *,
        secrets: "Sequence[str]" = (),
        queues: "Sequence[str]" = (),
        consumes: "Sequence[str]" = (),
        buckets: "Sequence[str]" = (),
        actions: "Sequence[str]" = (),
    ) -> None:
        """`TypeError` for what is no reference and no action."""
        for name, given in (("secrets", secrets), ("queues", queues), ("consumes", consumes), ("buckets", buckets)):
            if isinstance(given, str):
                # It would be taken for as many names as it has letters.
                raise TypeError(f"Needs({name}={given!r}) is one text: write ({given!r},)")
        for action in actions:
            if action.count(":") != 1 or not all(action.split(":")):
                raise TypeError(f'Needs(actions=…) has {action!r}, which is no action. Example: "bedrock:InvokeModel"')
        self.secrets = tuple(secrets)
        self.queues = tuple(queues)
        self.consumes = tuple(consumes)
        self.buckets = tuple(buckets)
        self.actions = tuple(actions)

    def __repr__(self) -> str:
        given = ((name, getattr(self, name)) for name in self.__slots__)
        return f"Needs({', '.join(f'{name}={value!r}' for name, value in given if value)})"
