"""A saved model, and a client of the application that does without a socket."""

import asyncio
import contextlib

import pytest

httpx = pytest.importorskip("httpx", reason="needs pip install '.[serving]'")
pytest.importorskip("starlette", reason="needs pip install '.[serving]'")
pytest.importorskip("uvicorn", reason="needs pip install '.[serving]'")
pytest.importorskip("prometheus_client", reason="needs pip install '.[serving]'")

from ccfpse_tf.serving.app import make_app  # noqa: E402
from ccfpse_tf.serving.limits import Limits  # noqa: E402
from ccfpse_tf.serving.metrics import Metrics  # noqa: E402
from ccfpse_tf.serving.model_backend import ModelBackend  # noqa: E402
from ccfpse_tf.serving.versions import Versions  # noqa: E402
from tests.serving.palette_model import save  # noqa: E402


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """``MODELS/palette`` with the one version 3."""
    folder = tmp_path_factory.mktemp("models") / "palette"
    save(folder / "3")
    return folder


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    """A page of two files, next to a file that must stay private."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "private.txt").write_text("private")
    (folder / "page").mkdir()
    (folder / "page" / "index.html").write_text("<!doctype html><title>paint</title>")
    (folder / "page" / "paint.js").write_text("'use strict';")
    return folder / "page"


@contextlib.asynccontextmanager
async def client_of(app):
    """An httpx client on an application that has been started."""
    starlette = app._app
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with starlette.router.lifespan_context(starlette):
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost"
        ) as client:
            yield client


def run_app(
    scenario,
    models,
    page,
    versions=None,
    poll=0.0,
    hosts=(),
    backend=None,
    label=None,
    app=None,
    **limits,
):
    """Runs ``await scenario(client)`` on an application that has been started.

    ``app`` holds further options of it.
    """

    async def main():
        metrics, bounds = Metrics(), Limits(**limits)
        chosen = backend or ModelBackend(
            versions or Versions(models), bounds, metrics, poll
        )
        made = make_app(chosen, bounds, metrics, page, hosts, label, **(app or {}))
        async with client_of(made) as client:
            client.app, client.backend = made, chosen
            return await scenario(client)

    return asyncio.run(main())


@pytest.fixture
def serve(models, page):
    """``serve(scenario, **options)`` is ``run_app`` with the model and the page."""

    def run(scenario, versions=None, **options):
        return run_app(scenario, models, page, versions, **options)

    return run
