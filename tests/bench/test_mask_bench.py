"""The mask bench: verdicts against jsonschema's, outcomes of engines that fail, figures, and the folders it reads."""

import json

import jsonschema
import pytest

from foretell.bench.mask_bench import MaskBench, MaskRun
from foretell.bench.masks.cases import SchemaCase, SchemaInstance, read_cases
from foretell.bench.masks.engines import engine_named
from foretell.bench.masks.measure import CRASH, OUTCOMES, PASS, REFUSED, TIMEOUT, WRONG_ACCEPT, WRONG_REJECT, CaseResult, measure
from foretell.bench.masks.summary import EngineSummary
from foretell.bench.masks.tables import HEAD, markdown, rows
from foretell.bench.masks.worker import EngineWorker
from foretell.errors import UserError
from foretell.parts import UnknownNameError
from tests.bench.fake_engines import ASCII, broken, lenient, moody

POINT = {"type": "object", "properties": {"x": {"type": "integer"}, "name": {"enum": ["up", "down"]}}, "required": ["x"]}
VALUES = [{"x": 1}, {"x": -20, "name": "up"}, {"x": 1.5}, {"name": "up"}, {"x": 2, "name": "left"}, [], {"x": 3, "more": [True, None]}]


def case_of(schema, values=VALUES, name="point"):
    return SchemaCase(
        name,
        schema,
        tuple(SchemaInstance.of(value, jsonschema.validators.validator_for(schema)(schema).is_valid(value)) for value in values),
    )


@pytest.mark.parametrize("engine", ["llguidance", "xgrammar"])
def test_verdicts_are_jsonschemas(engine):
    if engine == "xgrammar":
        pytest.importorskip("xgrammar")
    case = case_of(POINT)
    assert {instance.valid for instance in case.instances} == {True, False}
    found = measure(engine_named(engine), case, ASCII)
    assert (found.outcome, found.wrong_accepts, found.wrong_rejects) == (PASS, [], [])
    assert found.num_tokens == sum(len(instance.text) for instance in case.instances if instance.valid)
    assert 0 < found.num_forced < found.num_tokens  # the letters of "x" and of the names
    assert 0 < found.compile_seconds < found.first_mask_seconds
    assert len(found.mask_seconds) > found.num_tokens


def test_wrong_verdicts_are_found():
    small = {"type": "integer", "maximum": 9}
    accepted = measure(lenient, case_of(small, [3, 12]), ASCII)
    assert (accepted.outcome, accepted.wrong_accepts, accepted.wrong_rejects) == (WRONG_ACCEPT, ["12"], [])
    rejected = measure(lenient, case_of({"type": "string"}, ["a", 7]), ASCII)
    assert (rejected.outcome, rejected.wrong_accepts, rejected.wrong_rejects) == (WRONG_ACCEPT, ["7"], ['"a"'])
    assert measure(lenient, case_of({"type": "string"}, ["a"]), ASCII).outcome == WRONG_REJECT


def test_a_text_that_may_not_end_is_rejected():
    found = measure(
        engine_named("llguidance"), SchemaCase("cut", POINT, (SchemaInstance('{"x": 1', False), SchemaInstance('{"x": 1}', True))), ASCII
    )
    assert found.outcome == PASS


def test_other_orders_are_told_apart():
    case = SchemaCase("order", POINT, (SchemaInstance('{"name": "up", "x": 1}', True), SchemaInstance('{"x": 1e400}', True)))
    found = measure(engine_named("llguidance"), case, ASCII)
    assert (found.outcome, len(found.wrong_rejects), len(found.order_rejects)) == (WRONG_REJECT, 2, 1)


def test_what_is_refused_and_what_fails():
    refused = measure(engine_named("llguidance"), SchemaCase("no", {"type": "object", "propertyNames": {"minLength": 3}, "not": {}}), ASCII)
    assert refused.outcome == REFUSED
    assert refused.reason
    failed = measure(broken, SchemaCase("any", {}), ASCII)
    assert (failed.outcome, failed.reason) == (CRASH, "compiling: out of order")


def test_a_crash_and_a_hang_are_outcomes():
    worker = EngineWorker(moody, ASCII)
    try:
        assert worker.measure(case_of(POINT), 60.0).outcome == PASS
        crashed = worker.measure(SchemaCase("bad", {"crash": 1}), 60.0)
        assert (crashed.outcome, crashed.reason) == (CRASH, "the process ended with status 7")
        hung = worker.measure(SchemaCase("slow", {"hang": 1}), 0.2)
        assert (hung.outcome, hung.reason, hung.compile_seconds) == (TIMEOUT, "still compiling after 0.2 s", 0.2)
        assert worker.process is None
    finally:
        worker.close()


def test_runs_engines_side_by_side():
    cases, told = [case_of(POINT), case_of({"oneOf": [{"minimum": 1}, {"maximum": 5}]}, [3, 9], "either")], []
    run = MaskBench(["llguidance"], cases, ASCII).run(told.append)
    assert run.ended == ""
    assert [one.outcome for one in run.results["llguidance"]] == [PASS, REFUSED]
    assert run.common == {"point"}
    assert [progress.label for progress in told] == ["llguidance on 1 of 2", "llguidance on 2 of 2"]


def test_settings():
    with pytest.raises(UnknownNameError, match="llguidance"):
        MaskBench(["llguidence"], [], ASCII)
    with pytest.raises(ValueError, match="engines"):
        MaskBench([], [], ASCII)
    with pytest.raises(ValueError, match="seconds=0"):
        MaskBench(["llguidance"], [], ASCII, seconds=0)


def test_summary_over_all_and_over_the_common_subset():
    quick = CaseResult("a", PASS, "", 0.001, 0.002, [1e-5, 3e-5], 10, 4)
    slow = CaseResult("b", PASS, "", 0.5, 0.6, [1e-2], 10, 0)
    run = MaskRun(
        [SchemaCase("a", {}), SchemaCase("b", {})], {"one": [quick, slow], "other": [quick, CaseResult("b", REFUSED, "too hard", 0.1)]}
    )
    one, other = (EngineSummary.of(name, found) for name, found in run.results.items())
    assert (one.passing, other.passing) == (1.0, 0.5)
    assert (one.compile.p50, one.mask.num, one.forced) == (pytest.approx(0.2505), 3, 0.2)
    assert other.reasons == {"too hard": 1}
    assert other.compile.num == 1  # what was refused was not compiled
    common = EngineSummary.of("one", run.results["one"], run.common)
    assert (common.num_cases, common.mask.mean, common.forced) == (1, pytest.approx(2e-5), 0.4)
    assert sum(other.outcomes.values()) == 2
    assert set(other.outcomes) == set(OUTCOMES)
    assert all(len(row) == len(HEAD) for row in rows(run))
    assert "| other | 1 of 2 (50.0%) | 1 |" in markdown(run)


def test_reads_folders_of_either_kind(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"schema": POINT, "tests": [{"valid": True, "data": {"x": 1, "ü": "é"}}]}), "utf-8")
    (tmp_path / "b.json").write_text(json.dumps({"type": "integer", "examples": [4, "four"]}), "utf-8")
    first, second = read_cases(tmp_path)
    assert (first.schema, first.instances) == (POINT, (SchemaInstance('{"x": 1, "ü": "é"}', True),))
    assert [(each.text, each.valid) for each in second.instances] == [("4", True), ('"four"', False)]
    assert [case.name for case in read_cases(tmp_path, limit=1)] == ["a"]
    (tmp_path / "c.json").write_text("{", "utf-8")
    with pytest.raises(ValueError, match=r"c\.json: not readable JSON"):
        read_cases(tmp_path)
    with pytest.raises(ValueError, match=r"has no \.json files"):
        read_cases(tmp_path / "none")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"schema": {}, "tests": [1]}, "a test: holds an int where an object should be"),
        ({"schema": {}, "tests": [{"valid": True}]}, "a test needs data, and valid"),
        ({"schema": {}, "tests": [{"valid": "yes", "data": 1}]}, "a test needs data, and valid"),
        ({"type": 5, "examples": [1]}, "jsonschema cannot tell which examples are valid"),
        ({"pattern": "(", "examples": ["a"]}, "jsonschema cannot tell which examples are valid"),
    ],
)
def test_files_of_other_shapes_are_named(tmp_path, content, says):
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=rf"a\.json: {says}"):
        read_cases(tmp_path)
