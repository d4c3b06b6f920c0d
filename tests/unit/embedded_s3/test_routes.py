import botocore.session

from emulator.embedded_s3.routes import ROUTES, SUBRESOURCES


def test_subresources_are_all_that_the_model_of_s3_has() -> None:
    model = botocore.session.get_session().get_service_model("s3")
    uris = [model.operation_model(name).http["requestUri"] for name in model.operation_names]
    queries = {uri.partition("?")[2].partition("&")[0].partition("=")[0] for uri in uris}
    assert queries - {""} <= SUBRESOURCES


def test_routes_name_known_subresources() -> None:
    assert {subresource for _, _, subresource in ROUTES} - {""} <= SUBRESOURCES
