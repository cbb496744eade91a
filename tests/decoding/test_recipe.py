"""Recipes: short text and TOML, there and back, and what is said of mistakes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.catalog.part_text import RecipeSyntaxError, describe
from foretell.decoding.drafters.draft_model import DraftModel
from foretell.decoding.drafters.fallback import Fallback
from foretell.decoding.drafters.plain import Plain
from foretell.decoding.drafters.prompt_lookup import PromptLookup
from foretell.decoding.drafters.token_recycling import TokenRecycling
from foretell.decoding.drafters.union import Union
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.paces.never_slower import NeverSlower
from foretell.decoding.recipe import Recipe
from foretell.decoding.sampler import Sampler
from foretell.decoding.samplers.logit_bias import LogitBias
from foretell.decoding.samplers.temperature import Temperature
from foretell.decoding.samplers.top_k import TopK
from foretell.decoding.verifiers.exact import Exact
from foretell.decoding.verifiers.fixed_candidates import FixedCandidates
from foretell.parts import UnknownNameError
from foretell.testing.combinations import examples, samplers

A, B, C = Plain(), PromptLookup(num_tokens=5), TokenRecycling(k=2, template=((0,),))


@pytest.mark.parametrize(
    ("text", "recipe"),
    [
        ("plain", Recipe()),
        ("prompt-lookup(num_tokens=5), exact, never-slower", Recipe(B)),
        ("prompt-lookup(3, 1, 5)", Recipe(B)),
        ("plain, pace=4", Recipe(A, pace=Fixed(4))),
        ("pace = 4, drafter = plain > plain", Recipe(Fallback((A, A)), pace=Fixed(4))),
        ("plain, cost", Recipe(pace=NeverSlower())),
        ("plain, verifier=fixed-candidates", Recipe(verifier=FixedCandidates())),
        ("plain > plain | plain", Recipe(Fallback((A, Union((A, A)))))),
        ("(plain > plain) | plain", Recipe(Union((Fallback((A, A)), A)))),
        ("plain > plain > plain", Recipe(Fallback((A, A, A)))),
        ("plain > (plain > plain)", Recipe(Fallback((A, Fallback((A, A)))))),
        ("plain, temperature(0.7), top-k(8)", Recipe(sampler=Sampler((Temperature(0.7), TopK(8))))),
        ("plain, greedy", Recipe(sampler=Sampler(greedy=True))),
        ("plain, softmax", Recipe(sampler=Sampler())),
        ("greedy, plain", Recipe(sampler=Sampler(greedy=True))),
        ("plain, logit-bias((1,), (-inf,))", Recipe(sampler=Sampler((LogitBias((1,), (float("-inf"),)),)))),
        ("draft-model('a)b, c', branching=(2, 1)), pace=3", Recipe(DraftModel("a)b, c", (2, 1)), pace=Fixed(3))),
        ("token-recycling(k=2, template=((0,),))", Recipe(C)),
        ("  plain ,exact  ,  pace=fixed( 2 ) ", Recipe(pace=Fixed(2))),
    ],
)
def test_text_says_the_recipe_and_the_recipe_says_it_again(text, recipe):
    assert Recipe.parse(text) == recipe
    assert Recipe.parse(str(recipe)) == recipe


leaves = st.sampled_from([A, B, C, DraftModel('a "path"')])
drafters = st.recursive(leaves, lambda inner: st.builds(
    lambda cls, parts: cls(tuple(parts)), st.sampled_from([Fallback, Union]), st.lists(inner, min_size=2, max_size=3)
), max_leaves=6)  # fmt: skip


@given(
    drafters,
    st.sampled_from(examples("verifier")),
    st.sampled_from(examples("pace")),
    st.sampled_from([None, *samplers().values()]),
)
@settings(max_examples=150, deadline=None)
def test_any_recipe_comes_back_from_its_text_and_from_toml(tmp_path_factory, drafter, verifier, pace, sampler):
    recipe = Recipe(drafter, verifier, pace, sampler)
    assert Recipe.parse(str(recipe)) == recipe
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    recipe.write(path, comment='two lines\nwith "quotes"')
    assert Recipe.read(path) == recipe
    assert [entry.name for entry in path.parent.iterdir()] == ["recipe.toml"]


def test_paths_of_any_letters_survive_toml(tmp_path):
    recipe = Recipe(DraftModel("models/Größe 😀\\draft"))
    recipe.write(tmp_path / "recipe.toml")
    assert Recipe.read(tmp_path / "recipe.toml") == recipe


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no drafter name at column 1"),
        ("plain,", "no part name at column 7"),
        ("plain > ", "no drafter name at column 9"),
        ("plain, exact exact", "text that does not belong here at column 14"),
        ("plain, exact, exact", "a second verifier at column 20"),
        ("plain, plain", "a second drafter at column 13"),
        ("(plain > plain", r"a missing '\)' at column 15"),
        ("plain, top-k(3", r"a missing '\)' at column 14"),
        ("plain, top-k(x)", "an option that is not a plain value .texts need quotes. at column 14"),
        ("stand(table=/a/b.npz)", "options that cannot be read .texts need quotes. at column 7"),
        ("stand(table=(/a.npz)", r"a missing '\)' at column 7"),
        (
            "prompt-lookup(1, 2, 3, 4)",
            "wrong options for prompt-lookup .more values than its options, which are max_ngram, min_ngram, num_tokens",
        ),
        ("prompt-lookup(3, max_ngram=2)", "wrong options for prompt-lookup .max_ngram is given twice"),
        ("draft-model", r"wrong options for draft-model .model is missing.*'draft-model\(model=\.\.\.\)'"),
        ("plain, sampler=top-k(3)", "a name that is none of drafter, verifier, pace before '='; sampler steps have none at column 8"),
        ("sorted-draft", "model and exits are missing"),
        ("plain; exact", "text that does not belong here at column 6"),
    ],
)
def test_mistakes_are_pointed_at(text, message):
    with pytest.raises(RecipeSyntaxError, match=message):
        Recipe.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("promt-lookup", "no drafter called 'promt-lookup': did you mean 'prompt-lookup'"),
        ("plain, exct", "no part called 'exct': did you mean 'exact'"),
        ("plain, pace=never-slow", "no pace called 'never-slow': did you mean 'never-slower'"),
        ("plain, verifier=fixed", "no verifier called 'fixed': it is a pace"),
        ("exact", "no drafter called 'exact': it is a verifier"),
        ("plain, histogram-regressor", "it is an estimator"),
        ("prompt-lookup(num_token=3)", "PromptLookup has no option 'num_token': did you mean 'num_tokens'"),
        ("plain, temperatur(0.5)", "did you mean 'temperature'"),
    ],
)
def test_misspelt_names_get_the_nearest(text, message):
    with pytest.raises(UnknownNameError, match=message):
        Recipe.parse(text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "needs a \\[recipe\\] table"),
        ("recipe = 3", "needs a \\[recipe\\] table"),
        ("[recipe\n", "not a recipe file"),
        ('[recipe]\ndraftr = "plain"', "no field 'draftr': did you mean 'drafter'"),
        ("[recipe]\ndrafter = 5", "no drafter name"),
        ('[recipe]\npace = "never-slow"', "did you mean 'never-slower'"),
    ],
)
def test_mistakes_in_toml_name_the_file_or_the_field(tmp_path, content, message):
    path = tmp_path / "recipe.toml"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        Recipe.read(path)


def test_toml_may_leave_fields_out_and_say_numbers(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("[recipe]\npace = 4\n")
    assert Recipe.read(path) == Recipe(pace=Fixed(4))


def test_parts_in_the_wrong_place_are_refused():
    with pytest.raises(ValueError, match=r"drafter=Exact.*is not a part of that kind; Recipe\.parse reads text"):
        Recipe(drafter=Exact())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="pace=4 is not a part"):
        Recipe(pace=4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="must be two drafters or more"):
        Union((A,))


def test_a_part_is_described_by_what_differs_from_its_defaults():
    assert describe(PromptLookup()) == "prompt-lookup"
    assert describe(PromptLookup(min_ngram=2)) == "prompt-lookup(min_ngram=2)"
