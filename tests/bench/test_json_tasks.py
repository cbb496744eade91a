"""The JSON tasks: schemas that are schemas, that the constraint takes, and whose forced text is what `key_heavy` says."""

import jsonschema
import pytest

from foretell.bench.json_tasks import TASKS
from foretell.rules.constraints.json_schema import JsonSchema
from tests.bench.fake_engines import ASCII


@pytest.mark.parametrize("task", TASKS, ids=[task.name for task in TASKS])
def test_each_is_forced_from_its_first_key(task):
    jsonschema.Draft202012Validator.check_schema(task.schema)
    state = JsonSchema(task.schema, unsupported="refuse").start(ASCII)
    first = next(iter(task.schema["properties"]))
    assert ASCII.text(state.forced()).startswith(b'{"%s": ' % first.encode())


def test_names_and_kinds():
    assert len({task.name for task in TASKS}) == len(TASKS)
    assert {task.key_heavy for task in TASKS} == {True, False}
    assert {task.kind for task in TASKS} == {"card", "listing", "event", "function call", "extraction"}
