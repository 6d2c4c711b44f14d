"""`python -m tests.fuzz.program TARGET SECONDS`: atheris feeds one target, guided by what of our code it reaches."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["org_common"]):
    from tests.fuzz.targets import SEEDS, TARGETS


def main(target: str, seconds: int) -> None:
    with TemporaryDirectory() as folder:
        for number, seed in enumerate(SEEDS[target]):
            Path(folder, str(number)).write_bytes(seed)
        atheris.Setup(
            [
                sys.argv[0],
                folder,
                f"-max_total_time={seconds}",
                "-max_len=4096",
                "-print_final_stats=1",
                # What breaks it is printed in base64 as well.
                f"-artifact_prefix={folder}/",
            ],
            TARGETS[target],
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
