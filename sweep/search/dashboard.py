"""optuna-dashboard on the copy of a study, for this machine alone."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, BinaryIO
from wsgiref.simple_server import WSGIServer

from optuna.artifacts.exceptions import ArtifactNotFound

from sweep.distribution import installing
from sweep.errors import SweepError
from sweep.search.storage_copy import open_storage

_Pages = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def show_dashboard(url: str, port: int, picture: Callable[[int], bytes]) -> None:
    """Serve optuna-dashboard on the storage at `url` to this machine alone, until it is interrupted.

    `picture` draws the curve of the trial of a number as SVG, when somebody looks at it; LookupError if there is none.
    """
    try:
        import bottle
        from optuna_dashboard import wsgi
    except ModuleNotFoundError as error:
        raise SweepError(f"dashboard: needs {error.name}, which is not installed; {installing('dashboard')}") from None
    with open_storage(url) as storage, _heard_between_requests():
        try:
            pages = _for_this_machine(wsgi(storage, artifact_store=_Pictures(picture)))
            bottle.run(pages, host="127.0.0.1", port=port, server_class=_Server)
        except OSError as error:
            raise SweepError(f"--port: {port} cannot be listened on ({error.strerror}); choose another") from None


class _Server(WSGIServer):
    """Ends after the request that was being answered when Ctrl-C came: an answer takes the exception for its own."""

    told = False

    def service_actions(self) -> None:
        """After each request, and twice a second."""
        if _Server.told:
            raise KeyboardInterrupt


@contextmanager
def _heard_between_requests() -> Iterator[None]:
    """Have the server told of a first Ctrl-C; a second one does not wait for it."""

    def tell(*_: object) -> None:
        _Server.told = True
        signal.signal(signal.SIGINT, before)

    _Server.told, before = False, signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, tell)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _for_this_machine(pages: _Pages) -> _Pages:
    """The pages under this machine's own names only: another site's name, led here, would let that site read them."""

    def answer(request: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        name = request.get("HTTP_HOST", "").lower().rpartition(":")
        if (name[0] if name[2].isdigit() else name[2]) in ("127.0.0.1", "localhost"):
            return pages(request, start)
        start("403 Forbidden", [("Content-Type", "text/plain")])
        return [b"This page is on 127.0.0.1 and localhost only.\n"]

    return answer


class _Pictures:
    """An artifact store for optuna-dashboard that draws what it is asked for, and keeps nothing."""

    def __init__(self, picture: Callable[[int], bytes]) -> None:
        self._picture = picture

    def open_reader(self, artifact_id: str) -> BinaryIO:
        try:
            return BytesIO(self._picture(int(artifact_id)))
        except (LookupError, ValueError):
            raise ArtifactNotFound(f"trial {artifact_id} has no curve") from None

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        raise NotImplementedError("trials have the curves that were recorded, and no other pictures")

    def remove(self, artifact_id: str) -> None:
        raise ArtifactNotFound(f"the curve of trial {artifact_id} is drawn from its record, which stays")
