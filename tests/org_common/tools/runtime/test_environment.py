"""Real functions under AWS's real runtime client."""

import os
import threading
import time

import pytest

from org_common.events import http_api as gateway
from org_common.tools.runtime.api import EnvironmentFailed
from org_common.tools.runtime.environment import SNAP_START, Environment
from tests.org_common.tools.runtime.conftest import MakeFunction

pytestmark = pytest.mark.runtime

HELLO = """
    from org_common import PUBLIC, App

    app = App("shop")

    @app.get("/hello", allow=PUBLIC)
    def hello() -> dict[str, str]:
        return {"say": "hello"}
"""


def test_app_responds_to_an_event(function: MakeFunction) -> None:
    with Environment(function(HELLO)) as environment:
        answer = environment.invoke(gateway.event("GET", "/hello")).answer

    assert (answer["statusCode"], answer["body"]) == (200, '{"say":"hello"}')


def test_init_is_what_passes_before_it_asks_for_work(function: MakeFunction) -> None:
    with Environment(function("import time; time.sleep(0.3)\ndef app(event, context): return 1")) as environment:
        assert environment.init_s >= 0.3


def test_context_has_what_lambda_says(function: MakeFunction) -> None:
    source = """
        import os
        def app(event, context):
            return [context.function_name, context.memory_limit_in_mb, context.get_remaining_time_in_millis() > 0,
                    os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], os.environ.get("HOME")]
    """
    with Environment(function(source, memory_mb=256)) as environment:
        assert environment.invoke({}).answer == ["local", "256", True, "on-demand", None]


def test_peak_memory_is_that_of_the_process(function: MakeFunction) -> None:
    with Environment(function("def app(event, context): bytearray(300_000_000)")) as environment:
        small = environment.peak_mb()
        environment.invoke({})

        assert 5 < small < 150
        assert 300 < environment.peak_mb() < 300 + small + 50


def test_exception_comes_as_an_error(function: MakeFunction) -> None:
    with Environment(function("def app(event, context): raise ValueError('no')")) as environment:
        invocation = environment.invoke({})

    assert invocation.answer is None
    assert (invocation.error["errorType"], invocation.error["errorMessage"]) == ("ValueError", "no")


def test_module_that_does_not_import_is_reported_at_the_start(function: MakeFunction) -> None:
    with (
        pytest.raises(EnvironmentFailed, match="No module named 'no_such_module'"),
        Environment(function("import no_such_module")),
    ):
        pass


def test_process_that_ends_in_a_request_is_reported(function: MakeFunction) -> None:
    with (
        Environment(function("import os\ndef app(event, context): os._exit(7)")) as environment,
        pytest.raises(EnvironmentFailed, match="exited with status 7"),
    ):
        environment.invoke({})


def test_late_response_is_not_waited_for(function: MakeFunction) -> None:
    with (
        Environment(function("import time\ndef app(event, context): time.sleep(60)")) as environment,
        pytest.raises(EnvironmentFailed, match=r"no response within 0\.2 s"),
    ):
        environment.invoke({}, timeout_s=0.2)


def test_output_is_the_functions_log(function: MakeFunction) -> None:
    with Environment(function("print('starting')\ndef app(event, context): return 1")) as environment:
        assert "starting" in environment.output()


def test_workers_of_one_environment_response_at_the_same_time_and_end_with_it(function: MakeFunction) -> None:
    source = """
        import os, time
        def app(event, context):
            time.sleep(0.4)
            return os.getpid()
    """
    made = function(source, variables={"AWS_LAMBDA_MAX_CONCURRENCY": "3"})
    with Environment(made) as environment:
        answers: list[int] = []
        threads = [threading.Thread(target=lambda: answers.append(environment.invoke({}).answer)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(set(answers)) == 3
    until = time.monotonic() + 10
    while time.monotonic() < until and any(_runs(pid) for pid in answers):
        time.sleep(0.05)
    assert not any(_runs(pid) for pid in answers)


def test_hooks_run_before_the_snapshot_and_after_the_restore(function: MakeFunction) -> None:
    source = """
        from snapshot_restore_py import register_after_restore, register_before_snapshot
        ran = []
        register_before_snapshot(ran.append, "before")
        register_after_restore(ran.append, "after")
        def app(event, context): return ran
    """
    with Environment(function(source, initialization=SNAP_START)) as environment:
        environment.restore()
        assert environment.invoke({}).answer == ["before", "after"]


def test_failing_restore_is_reported(function: MakeFunction) -> None:
    source = """
        from snapshot_restore_py import register_after_restore
        @register_after_restore
        def no(): raise RuntimeError("no secrets")
        def app(event, context): return 1
    """
    with (
        Environment(function(source, initialization=SNAP_START)) as environment,
        pytest.raises(EnvironmentFailed, match="no secrets"),
    ):
        environment.restore()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as state:  # noqa: PTH123
        return state.read().rpartition(")")[2].split()[0] != "Z"
