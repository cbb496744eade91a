"""Checks that every part and model passes, ours and plug-ins': the law kit, contract checks, and verifiers broken on purpose.

    from foretell.testing.combinations import combinations
    from foretell.testing.laws import LawCase, check_law

    for combination in combinations():
        check_law(combination.recipe, combination.sampler, LawCase.small())

Parts that join by an entry point are found without being named. A model of your own is checked by
`foretell.testing.model_contracts.check_model`.
"""
