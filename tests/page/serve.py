"""A Jupyter server with notebooks that hold reports: some trusted, some as they come from disk."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
from nbformat import v4

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def notebook(*bundles: dict[str, str]) -> nbformat.NotebookNode:
    """A notebook whose cells have these outputs already."""
    outputs = [v4.new_output("display_data", data=bundle) for bundle in bundles]
    cells = [v4.new_code_cell("%%tape", outputs=[o], execution_count=1) for o in outputs]
    return v4.new_notebook(cells=cells, metadata={"kernelspec": KERNEL})


class Server:
    """JupyterLab and Notebook 7 on one port, with a home of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = secrets.token_hex(8)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = dict(
            os.environ,
            HOME=str(folder / "home"),
            JUPYTER_CONFIG_DIR=str(folder / "config"),
            JUPYTER_DATA_DIR=str(folder / "data"),
            JUPYTERLAB_SETTINGS_DIR=str(folder / "settings"),
            TF_CPP_MIN_LOG_LEVEL="3",
        )
        (folder / "books").mkdir(parents=True)
        themes = folder / "settings" / "@jupyterlab" / "apputils-extension"
        themes.mkdir(parents=True)
        # The theme follows the browser's preference; no question about news.
        (themes / "themes.jupyterlab-settings").write_text('{"adaptive-theme": true}')
        (themes / "notification.jupyterlab-settings").write_text(
            '{"fetchNews": "false", "checkForUpdates": false}'
        )
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                *("--ServerApp.ip=127.0.0.1", f"--port={self.port}"),
                *(f"--IdentityProvider.token={self.token}", f"--notebook-dir={folder / 'books'}"),
            ],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait(self) -> None:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{self.address('api/status')}", timeout=2).close()
                return
            except OSError:
                time.sleep(0.25)
        raise TimeoutError("The Jupyter server did not start.")

    def address(self, path: str) -> str:
        """Where a path of the server is; the workspace of an earlier visit is forgotten."""
        return f"http://127.0.0.1:{self.port}/{path}?reset&token={self.token}"

    def put(self, name: str, book: nbformat.NotebookNode, trusted: bool = False) -> None:
        place = self.folder / "books" / name
        nbformat.write(book, place)
        if trusted:
            command = [sys.executable, "-m", "jupyter", "trust", str(place)]
            subprocess.run(command, env=self.environment, check=True, capture_output=True)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
