#!/usr/bin/env bash
# Pydantic: a string as `warnings=` costs more than the serialization of a small model.
#
# `model_dump_json(warnings="error")` is the only way to get an exception for a value of the wrong type. Whichever string
# you pass, "none" too, which means the same as False, the serializer takes some three times as long for a model of three
# fields as with a boolean. The difference is the same for each string and does not grow with the model (0.8 us for one
# note and for a list of 100), so it is spent on reading the argument.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'pydantic==2.14.4'
cd "$folder"
venv/bin/python - <<'PYTHON'
import sys
import timeit
from functools import partial

import pydantic


class Note(pydantic.BaseModel):
    id: int
    text: str
    done: bool


def seconds(value: bool | str) -> float:  # noqa: FBT001 - as pydantic takes it
    """The best of nine runs; the serializer is called as `model_dump_json` does it."""
    call = partial(Note.__pydantic_serializer__.to_json, Note(id=1, text="a note", done=False), warnings=value)
    return min(timeit.repeat(call, number=30_000, repeat=9))


print(f"Python {sys.version.split()[0]}, pydantic {pydantic.VERSION}")
base = seconds(False)  # noqa: FBT003
ratios = {value: seconds(value) / base for value in (True, "none", "warn", "error")}
for value, ratio in ratios.items():
    print(f"warnings={value!r:8} {ratio:4.1f} times as long as warnings=False")

as_expected = all(ratios[value] > 2 for value in ("none", "warn", "error"))
print("as expected" if as_expected else "CHANGED: a string costs about as much as a boolean")
sys.exit(not as_expected)
PYTHON
