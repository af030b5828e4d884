"""Runs without network: signals are made here, so nobody has to be perceived.

    python -m unittest discover python/tests
"""

import pathlib
import tempfile
import threading
import time
import unittest

import numpy
import stuntdouble

FRAMES, SIDE = 6, 96


def signals():
    person = numpy.zeros((FRAMES, SIDE, SIDE), numpy.uint8)
    person[:, 12:90, 36:60] = 255
    return stuntdouble.Signals([None] * FRAMES, person, {})


def video():
    rows = numpy.linspace(40, 200, SIDE, dtype=numpy.uint8)
    frames = numpy.repeat(rows[None, :, None, None], FRAMES, 0).repeat(SIDE, 2).repeat(3, 3).copy()
    frames[:, 12:90, 36:60] = (200, 40, 40)
    return frames


def character():
    picture = numpy.zeros((80, 40, 4), numpy.uint8)
    picture[4:76, 8:32] = (30, 60, 220, 255)
    return picture


class Jobs(unittest.TestCase):
    def test_arrays_go_in_and_come_out(self):
        frames = stuntdouble.draft(character(), video(), signals=signals())
        self.assertEqual((frames.shape, frames.dtype), ((FRAMES, SIDE, SIDE, 3), numpy.uint8))
        # The character is there, and what is far from the person is untouched.
        self.assertGreater(int(frames[2, 50, 48, 2]), int(frames[2, 50, 48, 0]))
        numpy.testing.assert_array_equal(frames[:, :, :8], video()[:, :, :8])

    def test_a_video_is_written_while_other_threads_run(self):
        ticks, done = [], threading.Event()

        def tick():
            while not done.wait(0.001):
                ticks.append(time.monotonic())

        thread = threading.Thread(target=tick)
        thread.start()
        told = []
        with tempfile.TemporaryDirectory() as folder:
            output = pathlib.Path(folder) / "out.mp4"
            report = stuntdouble.replace(character(), video(), output, signals=signals(), progress=told.append)
            self.assertTrue(output.is_file())
        done.set()
        thread.join()
        self.assertEqual(report["frames"], FRAMES)
        self.assertEqual(told[-1]["event"], "done")
        self.assertGreater(len(ticks), 10)

    def test_progress_can_stop_a_job(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaises(stuntdouble.StuntdoubleError) as raised:
                stuntdouble.replace(
                    character(), video(), f"{folder}/out.mp4", signals=signals(), progress=lambda event: False
                )
            self.assertEqual(raised.exception.code, "run.cancelled")

    def test_wrong_input_is_an_error_with_a_code(self):
        with self.assertRaises(stuntdouble.StuntdoubleError) as raised:
            stuntdouble.replace("no-such.png", video(), "out.mp4", signals=signals())
        self.assertTrue(raised.exception.code and raised.exception.help)
        with self.assertRaises(stuntdouble.StuntdoubleError) as raised:
            stuntdouble.draft(character(), video(), signals=signals(), settings={"height": 9})
        self.assertIn("height", str(raised.exception))
        with self.assertRaises(ValueError):
            stuntdouble.draft(character(), video()[..., :2], signals=signals())


if __name__ == "__main__":
    unittest.main()
