//! Defines rules for candidate regions: which person has priority, which regions may show the same person, and where to
//! search for small people.

use std::f32::consts::TAU;

use crate::networks::blazepose::detector::Detection;
use crate::person::rotated_roi::RotatedRoi;

/// Views that differ by more in size (ratio) or rotation (radians) disagree.
const SIZE_RATIO: f32 = 1.5;
const TURN: f32 = 0.5;

/// Size of the squares in which large persons are searched, relative to the frame.
const ROOMS: [f32; 2] = [1.5, 2.0];
/// Enlargement of a region in which a detected person is not confirmed.
const LARGER: f32 = 1.3;
/// Side of a large region, relative to the square around the frame.
const LARGE: f32 = 0.4;

/// Squares with a margin around a frame. The detector misses people cut by the border, and finds them when they appear
/// smaller.
pub(crate) fn wider(whole: &RotatedRoi) -> [RotatedRoi; 2] {
    ROOMS.map(|room| RotatedRoi { side: room * whole.side, ..*whole })
}

/// Alternative regions for a large detected person: upright (the detector's rotation is wrong when arms are raised),
/// and larger.
/// A small detection that is not confirmed at once is more often an object.
pub(crate) fn other_views(region: &RotatedRoi, frame: (usize, usize)) -> Vec<RotatedRoi> {
    let others = [RotatedRoi { turn: 0.0, ..*region }, RotatedRoi { side: LARGER * region.side, ..*region }];
    others.into_iter().filter(|_| is_large(region, frame)).collect()
}

/// True when the region covers a good part of the frame.
pub(crate) fn is_large(region: &RotatedRoi, (width, height): (usize, usize)) -> bool {
    region.side >= LARGE * width.max(height) as f32
}

/// Three squares along a wide or tall frame; four corners and the middle of a nearly square one.
pub(crate) fn parts((width, height): (usize, usize)) -> Vec<RotatedRoi> {
    let (width, height) = (width as f32, height as f32);
    let (long, short) = (width.max(height), width.min(height));
    if long > 1.3 * short {
        let centres = [short / 2.0, long / 2.0, long - short / 2.0];
        let place = |along: f32| if width > height { (along, height / 2.0) } else { (width / 2.0, along) };
        return centres.map(|along| RotatedRoi { centre: place(along), side: short, turn: 0.0 }).to_vec();
    }
    let side = 0.6 * long;
    let (x, y) = (width / 2.0, height / 2.0);
    let (dx, dy) = (x - side / 2.0, y - side / 2.0);
    [(x, y), (x - dx, y - dy), (x + dx, y - dy), (x - dx, y + dy), (x + dx, y + dy)]
        .map(|centre| RotatedRoi { centre, side, turn: 0.0 })
        .to_vec()
}

pub(crate) fn sort_by_key(detections: &mut [Detection], key: impl Fn(&Detection) -> f32) {
    detections.sort_by(|one, other| key(one).total_cmp(&key(other)));
}

/// Sorts large and central persons first: by side times score, reduced by up to a half towards the border.
pub(crate) fn prominence(detection: &Detection, (width, height): (usize, usize)) -> f32 {
    let (x, y) = detection.region.centre;
    let off = (2.0 * x / width as f32 - 1.0).abs().max((2.0 * y / height as f32 - 1.0).abs());
    detection.region.side * detection.score * (1.0 - 0.5 * off.clamp(0.0, 1.0))
}

/// Distance of a place from the region's centre in sides.
pub(crate) fn distance(region: &RotatedRoi, place: (f32, f32)) -> f32 {
    (region.centre.0 - place.0).hypot(region.centre.1 - place.1) / region.side
}

pub(crate) fn holds(region: &RotatedRoi, place: (f32, f32)) -> bool {
    let (x, y) = region.region_from_frame(place);
    (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y)
}

/// True when the person of `last` may have moved to `found`.
pub(crate) fn is_near(found: &RotatedRoi, last: &RotatedRoi) -> bool {
    let ratio = found.side / last.side;
    distance(last, found.centre) < 0.6 && (0.4..2.5).contains(&ratio)
}

/// True when two views of one person differ so much that one must be wrong.
pub(crate) fn disagrees(one: &RotatedRoi, other: &RotatedRoi) -> bool {
    let ratio = (one.side / other.side).max(other.side / one.side);
    let turn = (one.turn - other.turn).rem_euclid(TAU);
    ratio > SIZE_RATIO || turn.min(TAU - turn) > TURN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f32, y: f32, side: f32) -> RotatedRoi {
        RotatedRoi { centre: (x, y), side, turn: 0.0 }
    }

    #[test]
    fn the_large_and_central_person_comes_first() {
        let detection = |x, y, side| Detection { score: 0.9, region: square(x, y, side) };
        let prominence = |one: Detection| prominence(&one, (640, 360));
        assert!(prominence(detection(320.0, 180.0, 200.0)) > prominence(detection(320.0, 180.0, 150.0)));
        assert!(prominence(detection(320.0, 180.0, 200.0)) > prominence(detection(20.0, 180.0, 200.0)));
        assert!(prominence(detection(20.0, 180.0, 450.0)) > prominence(detection(320.0, 180.0, 200.0)));
    }

    #[test]
    fn parts_lie_inside_and_cover_the_frame() {
        for (width, height) in [(640, 360), (360, 640), (512, 512)] {
            let parts = parts((width, height));
            for part in &parts {
                for (x, y) in part.corners() {
                    assert!((-1e-3..=width as f32 + 1e-3).contains(&x) && (-1e-3..=height as f32 + 1e-3).contains(&y));
                }
            }
            for place in
                [(1.0, 1.0), (width as f32 - 1.0, height as f32 - 1.0), (width as f32 / 2.0, height as f32 / 2.0)]
            {
                assert!(parts.iter().any(|part| holds(part, place)), "{place:?} of {width}x{height}");
            }
        }
    }

    #[test]
    fn only_large_regions_are_looked_at_in_other_ways() {
        let region = RotatedRoi { turn: 0.4, ..square(30.0, 40.0, 10.0) };
        let upright = square(30.0, 40.0, 10.0);
        assert_eq!(other_views(&region, (20, 25)), [upright, RotatedRoi { side: 13.0, ..region }]);
        assert_eq!(other_views(&region, (20, 26)), []);
        let whole = RotatedRoi::around_frame(60, 80);
        assert_eq!(wider(&whole), [square(30.0, 40.0, 120.0), square(30.0, 40.0, 160.0)]);
    }

    #[test]
    fn a_turn_counts_the_short_way_round() {
        let one = RotatedRoi { turn: 3.1, ..square(0.0, 0.0, 10.0) };
        assert!(!disagrees(&one, &RotatedRoi { turn: -3.1, ..one }));
        assert!(disagrees(&one, &RotatedRoi { turn: 2.5, ..one }));
        assert!(disagrees(&one, &RotatedRoi { side: 16.0, ..one }));
        assert!(!disagrees(&one, &RotatedRoi { side: 14.0, ..one }));
    }

    #[test]
    fn only_a_similar_place_and_size_is_the_same_person() {
        let last = square(100.0, 100.0, 80.0);
        assert!(is_near(&square(130.0, 100.0, 90.0), &last));
        assert!(!is_near(&square(160.0, 100.0, 90.0), &last));
        assert!(!is_near(&square(100.0, 100.0, 300.0), &last));
    }
}
