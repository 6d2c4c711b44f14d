"""The same as `limit_app`, imported at the first request: what a lazy driver costs, and where."""


def handler(event, context):
    from limit_app import handler as real

    return real(event, context)
