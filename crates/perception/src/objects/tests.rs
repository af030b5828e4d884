//! Tests the segmenter on small generated clips whose object is known.

use media::picture::{Mask, Picture};

use super::prompt::Target;
use super::{ObjectFrame, ObjectTracker};
use crate::agreement::overlap;

const SIZE: (usize, usize) = (96, 64);

/// A blue tile of 14 x 10 pixels with its left top corner at a place, before grey-green ground with a coarse pattern.
fn scene((left, top): (i32, i32), is_there: bool) -> (Picture, Mask) {
    let inside = move |x: usize, y: usize| {
        let (x, y) = (x as i32 - left, y as i32 - top);
        is_there && (0..14).contains(&x) && (0..10).contains(&y)
    };
    let picture = Picture::from_fn(SIZE.0, SIZE.1, |x, y| {
        let grain = ((x * 7 + y * 13 + x * y) % 9) as u8;
        let patch = if (x / 12 + y / 9) % 2 == 0 { 120 } else { 134 };
        match inside(x, y) {
            true => [40 + grain, 60 + grain, 190 - 3 * ((x as i32 - left) as u8)],
            false => [patch + grain, patch + 12, patch - 20 + grain],
        }
    });
    let mask = Mask::from_fn(SIZE.0, SIZE.1, |x, y| if inside(x, y) { 255 } else { 0 });
    (picture, mask)
}

fn view(picture: &Picture) -> ObjectFrame {
    ObjectFrame::new(picture, &Mask::filled(SIZE.0, SIZE.1, 0), None, SIZE)
}

fn iou(found: &Mask, truth: &Mask) -> f64 {
    overlap(found, truth).map_or(1.0, |overlap| overlap.iou)
}

#[test]
fn a_click_and_a_box_find_the_tile() {
    let (picture, truth) = scene((30, 20), true);
    let targets = [Target::Point { x: 37.0, y: 25.0 }, Target::Box { x: 29.0, y: 19.0, width: 16.0, height: 12.0 }];
    for target in targets {
        let (_, found) = ObjectTracker::begin(&view(&picture), target, &[]).unwrap();
        assert!(iou(&found.mask, &truth) > 0.9, "{target:?}: {}", iou(&found.mask, &truth));
        assert!(found.score > 0.0 && found.score <= 1.0);
    }
}

#[test]
fn it_is_followed_forwards_and_a_clone_backwards() {
    let place = |index: i32| (12 + 4 * index, 20 + index);
    let (picture, _) = scene(place(5), true);
    let target = Target::Point { x: 39.0, y: 30.0 };
    let (mut forwards, _) = ObjectTracker::begin(&view(&picture), target, &[]).unwrap();
    let mut backwards = forwards.clone();
    for (tracker, frames) in [(&mut forwards, [6, 7, 8, 9, 10]), (&mut backwards, [4, 3, 2, 1, 0])] {
        for index in frames {
            let (picture, truth) = scene(place(index), true);
            let found = tracker.follow(&view(&picture), &[]);
            assert!(iou(&found.mask, &truth) > 0.85, "frame {index}: {}", iou(&found.mask, &truth));
        }
    }
}

#[test]
fn what_leaves_is_gone_and_what_returns_is_found_again() {
    let (picture, _) = scene((40, 24), true);
    let (mut tracker, _) = ObjectTracker::begin(&view(&picture), Target::Point { x: 47.0, y: 29.0 }, &[]).unwrap();
    for _ in 0..3 {
        let (picture, _) = scene((40, 24), false);
        let found = tracker.follow(&view(&picture), &[]);
        assert_eq!((found.score, found.mask.cells().iter().any(|cell| *cell > 127)), (0.0, false));
    }
    let (picture, truth) = scene((46, 26), true);
    let found = tracker.follow(&view(&picture), &[]);
    assert!(iou(&found.mask, &truth) > 0.8, "{}", iou(&found.mask, &truth));
}

#[test]
fn a_point_that_is_not_the_objects_stays_out() {
    let (picture, _) = scene((30, 20), true);
    let not = (57.0, 40.0);
    let target = Target::Box { x: 26.0, y: 16.0, width: 36.0, height: 30.0 };
    let (mut tracker, found) = ObjectTracker::begin(&view(&picture), target, &[not]).unwrap();
    assert!(found.mask.get(57, 40) < 128);
    assert!(tracker.follow(&view(&picture), &[(36.0, 25.0)]).mask.get(36, 25) < 128);
}

#[test]
fn frames_of_any_size_give_masks_of_their_own_size() {
    for size in [(1, 1), (3, 200), (1100, 40)] {
        let picture =
            Picture::from_fn(
                size.0,
                size.1,
                |x, y| if x < size.0 / 2 { [200, 30, 30] } else { [20, (y % 50) as u8, 90] },
            );
        let view = ObjectFrame::new(&picture, &Mask::filled(size.0, size.1, 0), None, size);
        if let Some((mut tracker, found)) = ObjectTracker::begin(&view, Target::Point { x: 0.0, y: 0.0 }, &[]) {
            assert_eq!((found.mask.size(), tracker.follow(&view, &[]).mask.size()), (size, size));
        }
    }
}
