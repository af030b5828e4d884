"""Puts your character into a video.

A video is a path (a file, or a folder of numbered pictures) or an array ``[N, H, W, 3]`` of uint8. A character is a path or an
array ``[H, W, 3]`` or ``[H, W, 4]`` of uint8, the fourth channel being its coverage.

>>> import stuntdouble
>>> report = stuntdouble.replace("hero.png", "take.mp4", "out.mp4", progress=print)
>>> frames = stuntdouble.draft("hero.png", "take.mp4")          # [N, H, W, 3]
>>> seen = stuntdouble.perceive("take.mp4")                     # seen.person: [N, H, W]
"""

import json
import os
import pathlib
import tempfile
from dataclasses import dataclass

import numpy

from . import _native
from ._native import StuntdoubleError, __version__

__all__ = ["Signals", "StuntdoubleError", "__version__", "animate", "draft", "perceive", "replace"]


@dataclass
class Signals:
    """What is seen in a video: ``poses`` (one dict a frame, or None), ``person`` masks ``[N, H, W]`` uint8, and the report."""

    poses: list
    person: numpy.ndarray
    report: dict


def replace(character, video, output, *, signals=None, settings=None, progress=None, cache=None, run_dir=None):
    """Writes the video with the character in the person's place, in the video's own scene. Returns the report.

    ``signals`` is a folder, or :class:`Signals` to use in place of perception. ``settings`` are those of the program
    (``{"height": 0.8}``). ``progress`` is called with one dict an event; the job stops when it returns False.
    """
    return _run("replace", character, video, output, signals, settings, progress, cache, run_dir)


def animate(character, video, output, *, signals=None, settings=None, progress=None, cache=None, run_dir=None):
    """The same in the scene of the character's picture."""
    return _run("animate", character, video, output, signals, settings, progress, cache, run_dir)


def draft(character, video, *, signals=None, settings=None, progress=None, cache=None):
    """The frames that :func:`replace` would write, without loss: ``[N, H, W, 3]`` uint8."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        settings = {**(settings or {}), "draft": True}
        _run("replace", character, video, folder / "out.mp4", signals, settings, progress, cache, folder / "run")
        return numpy.stack([_picture(path) for path in sorted((folder / "run/conditions/draft").glob("*.png"))])


def perceive(video, *, settings=None, progress=None, cache=None):
    """What is seen in a video."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        report = _native.run_perceive(
            _video(video, folder), folder / "seen", _cache(cache), json.dumps(settings or {}), _listener(progress)
        )
        signals = folder / "seen/signals"
        poses = json.loads((signals / "pose.json").read_text())["frames"]
        person = numpy.stack([_mask(path) for path in sorted((signals / "person").glob("*.png"))])
        return Signals(poses, person, json.loads(report))


def _run(mode, character, video, output, signals, settings, progress, cache, run_dir):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        report = _native.run_job(
            mode,
            _characters(character, folder),
            _video(video, folder),
            pathlib.Path(output),
            None if run_dir is None else pathlib.Path(run_dir),
            _signals(signals, folder),
            _cache(cache),
            json.dumps(settings or {}),
            _listener(progress),
        )
        return json.loads(report)


def _listener(progress):
    return None if progress is None else lambda text: progress(json.loads(text)) is not False


def _cache(cache):
    if cache is not None:
        return pathlib.Path(cache)
    named = os.environ.get("STUNTDOUBLE_CACHE")
    if named:
        return pathlib.Path(named)
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "stuntdouble"


def _characters(character, folder):
    several = character if isinstance(character, (list, tuple)) else [character]
    return [_file(picture, folder / f"character-{number}.png") for number, picture in enumerate(several)]


def _file(picture, path):
    if not isinstance(picture, numpy.ndarray):
        return pathlib.Path(picture)
    _write(path, picture)
    return path


def _video(video, folder):
    if not isinstance(video, numpy.ndarray):
        return pathlib.Path(video)
    if video.ndim != 4 or video.shape[-1] != 3:
        raise ValueError(f"a video of shape {video.shape}, expected [N, H, W, 3]")
    folder = folder / "video"
    folder.mkdir()
    for number, frame in enumerate(video):
        _write(folder / f"{number:06}.png", frame)
    return folder


def _signals(signals, folder):
    if not isinstance(signals, Signals):
        return None if signals is None else pathlib.Path(signals)
    folder = folder / "signals"
    (folder / "person").mkdir(parents=True)
    height, width = signals.person.shape[1:]
    track = {"format": "stuntdouble-pose-1", "width": width, "height": height, "frames": signals.poses}
    (folder / "pose.json").write_text(json.dumps(track))
    for number, mask in enumerate(signals.person):
        _write(folder / f"person/{number:06}.png", mask)
    return folder


def _write(path, array):
    array = numpy.ascontiguousarray(array)
    if array.dtype != numpy.uint8 or array.ndim not in (2, 3):
        raise ValueError(f"a picture of {array.dtype} and shape {array.shape}, expected uint8 and [H, W] or [H, W, C]")
    height, width = array.shape[:2]
    _native.write_picture(path, array.tobytes(), width, height, 1 if array.ndim == 2 else array.shape[2])


def _picture(path):
    data, width, height = _native.read_picture(path)
    return numpy.frombuffer(data, numpy.uint8).reshape(height, width, 3)


def _mask(path):
    data, width, height = _native.read_mask(path)
    return numpy.frombuffer(data, numpy.uint8).reshape(height, width)
