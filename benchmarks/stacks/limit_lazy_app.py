"""The same as `limit_app`, imported at the first request, to measure the cost of a lazy driver import."""


def handler(event, context):
    from limit_app import handler as real

    return real(event, context)
