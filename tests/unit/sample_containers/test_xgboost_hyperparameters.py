import pytest

from sample_containers.xgboost.hyperparameters import metric_names, read_hyperparameters


def test_hyperparameters_of_the_container_are_not_passed_to_the_library() -> None:
    read = read_hyperparameters(
        {"num_round": "5", "csv_weights": "1", "early_stopping_rounds": "2", "eta": "0.3"}
    )

    assert (read.num_round, read.has_csv_weights, read.early_stopping_rounds) == (5, True, 2)
    assert read.booster == {"eta": "0.3"}


def test_hyperparameters_have_no_early_stop_and_no_weights_unless_told() -> None:
    read = read_hyperparameters({"num_round": "1"})

    assert (read.early_stopping_rounds, read.has_csv_weights, read.booster) == (None, False, {})


@pytest.mark.parametrize("given", [{}, {"num_round": "0"}, {"num_round": "many"}])
def test_hyperparameters_without_rounds_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"num_round|many"):
        read_hyperparameters(given)


@pytest.mark.parametrize(
    ("text", "names"),
    [("auc", ["auc"]), ("auc, error", ["auc", "error"]), ('["auc", "ndcg@5"]', ["auc", "ndcg@5"])],
)
def test_metric_names_are_read_from_every_form(text: str, names: list[str]) -> None:
    assert metric_names(text) == names
