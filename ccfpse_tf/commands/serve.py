"""The commands ``ccfpse serve`` and ``ccfpse paint``."""

import argparse
import importlib.util
from pathlib import Path

from ccfpse_tf.commands.engines import ENGINES
from ccfpse_tf.commands.offered_models import offers_of
from ccfpse_tf.commands.photo_labeller import labeller, offer_with_labeller
from ccfpse_tf.errors import InputError
from ccfpse_tf.serving.limits import Limits

_NEEDED = ("starlette", "uvicorn", "httpx", "prometheus_client")
_DEFAULT = Limits()


def add_commands(commands) -> None:
    """Adds ``serve`` and ``paint`` to the subparsers of ``ccfpse``."""
    serve = commands.add_parser(
        "serve", help="serve models, presets or runs, with the painting page"
    )
    paint = commands.add_parser(
        "paint",
        help="serve models, presets or runs, and open the page",
    )
    for parser in (serve, paint):
        _add_options(parser)
        parser.set_defaults(action=run)
    serve.set_defaults(browser=False)
    paint.add_argument(
        "--no-browser",
        dest="browser",
        action="store_false",
        help="only print the page's address",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serves until a signal comes.

    Raises:
        InputError: no model, a taken port, a missing package, options out of range.
    """
    require_packages()
    limits = read_limits(arguments)
    from ccfpse_tf.serving.app import make_app
    from ccfpse_tf.serving.metrics import Metrics
    from ccfpse_tf.serving.server import (
        accepted_hosts,
        address_of,
        listen,
        serve,
        warn_if_open,
    )

    with listen(arguments.host, arguments.port) as listening:
        warn_if_open(listening)
        metrics = Metrics()
        backend, lines, facts, label = _backend(arguments, limits, metrics)
        hosts = accepted_hosts(listening, arguments.allow_host)
        app = make_app(backend, limits, metrics, hosts=hosts, label=label, facts=facts)
        lines[0] += f" at {address_of(listening)} (Ctrl-C ends)"
        serve(
            app,
            listening,
            limits.timeout,
            "\n".join(lines),
            arguments.browser,
            lambda: backend.failure is not None,
        )
    if backend.failure:
        raise backend.failure
    return 0


def require_packages() -> None:
    """Checks that the packages of the extra ``serving`` are there.

    Raises:
        InputError: names those that are missing.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"serving needs {', '.join(missing)}: pip install 'ccfpse-tf[serving]'"
        )


def read_limits(arguments: argparse.Namespace) -> Limits:
    """Reads the limits from the options.

    Raises:
        InputError: a number that is too small or not finite.
    """
    least = {
        "max_body": (arguments.max_body, 1 / 1024),
        "max_requests": (arguments.max_requests, 1),
        "timeout": (arguments.timeout, 0.001),
        "max_rows": (arguments.max_rows, 1),
        "max_pixels": (arguments.max_pixels, 1),
        "batch": (arguments.batch, 1),
        "batch_delay": (arguments.batch_delay, 0),
        "poll": (arguments.poll, 0),
    }
    for name, (value, lowest) in least.items():
        if not lowest <= value < float("inf"):
            option = name.replace("_", "-")
            least_allowed = f"must be at least {_plain(lowest)}"
            raise InputError(f"--{option} {_plain(value)}: {least_allowed}")
    return Limits(
        body_bytes=int(arguments.max_body * (1 << 20)),
        requests=arguments.max_requests,
        timeout=arguments.timeout,
        rows=arguments.max_rows,
        pixels=arguments.max_pixels,
        batch_rows=arguments.batch,
        batch_delay=arguments.batch_delay / 1000,
    )


def read_labels(texts: list[str]) -> dict[str, int]:
    """Reads ``NAME=VERSION`` options.

    Raises:
        InputError: for anything else.
    """
    labels = {}
    for text in texts:
        name, _, version = text.partition("=")
        if not name or not (version.isascii() and version.isdigit()):
            raise InputError(f"--label {text}: expected NAME=VERSION, as stable=3")
        if set(name) & set("/:"):
            raise InputError(f"--label {text}: a label must not contain '/' or ':'")
        labels[name] = int(version)
    return labels


def _backend(arguments, limits, metrics):
    """Returns a backend, lines about it, facts for the page, and what labels photos."""
    labels = read_labels(arguments.label)
    _check_single(arguments, labels, len(arguments.models))
    if arguments.upstream:
        return _upstream(arguments, limits)
    from ccfpse_tf.serving.offers import Offers

    offers = offers_of(arguments.models, labels, arguments.engine)
    _check_single(arguments, labels, len(offers))  # all presets, where none is named
    label = None
    if arguments.evaluator:
        offers[0], label = offer_with_labeller(offers[0], arguments.evaluator)
    backend = Offers(offers, limits, metrics, arguments.poll)
    names = " and ".join(f"{one.name} (version {one.version})" for one in offers)
    lines = [f"serving {names}", *(one.note for one in offers if one.note)]
    return backend, lines, backend.facts, label


def _check_single(arguments, labels, count):
    for option, given in (("--label", labels), ("--evaluator", arguments.evaluator)):
        if given and count > 1:
            raise InputError(f"{option} is for one model: name one, not several")


def _upstream(arguments, limits):
    from ccfpse_tf.serving.client import Client
    from ccfpse_tf.serving.proxy import Upstream

    if arguments.label:
        raise InputError("--label: labels are the --upstream server's to give")
    if arguments.engine != "auto":
        raise InputError("--engine: what draws is the --upstream server's to choose")
    if not arguments.models:
        raise InputError("--upstream: name the model, as MODELS/NAME or NAME")
    url = arguments.upstream
    names = [Path(one).resolve().name for one in arguments.models]
    backend = Upstream(url, names[0], limits)
    label = None
    if arguments.evaluator:
        model = f"{url.rstrip('/')}/v1/models/{names[0]}"
        label = labeller(
            arguments.evaluator, lambda: Client(model, "--upstream").describe()
        )
    facts = {"models": names} if len(names) > 1 else {}
    return backend, [f"passing {' and '.join(names)} on to {url}"], lambda: facts, label


def _add_options(parser):
    parser.add_argument(
        "models",
        nargs="*",
        metavar="MODELS/NAME",
        help="folder with numbered versions, a preset, a run, or several; by default "
        "the presets that ship; with --upstream only the names are used",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to listen; at an address that other machines reach, requests under "
        "every host name are accepted unless --allow-host is given "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--port", type=int, default=8501, help="0: any free one (default: %(default)s)"
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default="auto",
        help="what draws presets; auto: ONNX Runtime where it is installed and the "
        "preset has an ONNX file, else TensorFlow (default: %(default)s)",
    )
    parser.add_argument(
        "--upstream", metavar="URL", help="TensorFlow Serving to pass requests on to"
    )
    parser.add_argument(
        "--evaluator",
        metavar="SPEC",
        help="network that makes layouts of photos on the page, as for `ccfpse label`",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="accept requests under this host name, localhost, 127.0.0.1, [::1] and "
        "the address of --host only; may be given several times",
    )
    parser.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="NAME=VERSION",
        help="serve this version as well, under /labels/NAME",
    )
    _add_numbers(parser)


def _add_numbers(parser):
    numbers = (
        ("--max-body", float, _DEFAULT.body_bytes / (1 << 20), "MiB per request"),
        ("--max-requests", int, _DEFAULT.requests, "predictions accepted at once"),
        ("--max-rows", int, _DEFAULT.rows, "rows per request"),
        ("--max-pixels", int, _DEFAULT.pixels, "pixels of all images of a request"),
        ("--timeout", float, _DEFAULT.timeout, "seconds for one request"),
        ("--batch", int, _DEFAULT.batch_rows, "rows that are computed together"),
        (
            "--batch-delay",
            float,
            _DEFAULT.batch_delay * 1000,
            "ms to wait for others",
        ),
        ("--poll", float, 2.0, "seconds between checks for new versions; 0: never"),
    )
    for name, kind, default, meaning in numbers:
        parser.add_argument(
            name,
            type=kind,
            default=default,
            metavar="N",
            help=f"{meaning} (default: {_plain(default)})",
        )


def _plain(number):
    """Integers with all their digits."""
    return str(number) if isinstance(number, int) else f"{number:g}"
