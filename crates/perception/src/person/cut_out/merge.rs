//! Merges the body network's mask and the saliency into one coverage, with a measure of uncertainty for each pixel.

use media::geometry::{Frame, Rect};
use media::picture::Plane;

use super::components::{components, holes};

/// Above this value, a person's mask is the core that identifies the person.
const CORE: f32 = 0.6;
/// Saliency above the first value stands out; above the second it stands out a little.
pub(super) const SALIENT: f32 = 0.35;
pub(super) const A_LITTLE: f32 = 0.2;
/// A salient component belongs to the person if this share of it is core.
const SHARED: f32 = 0.1;
/// If saliency contains less of the core than this, it found something else.
const AGREED: f32 = 0.5;
/// If a person's mask is smaller than this share of the salient object around it, it is not a person but a part of a
/// drawing.
const MERE_PART: f32 = 0.4;
/// For that, this share of the person's mask must be salient.
const INSIDE: f32 = 0.8;
/// Without a person, components smaller than this share of the largest one are dropped.
const LEAST_PART: f32 = 0.1;
/// Between these values, pixels that only the body network sees count more and more.
const BODY_ONLY: (f32, f32) = (0.55, 0.95);
/// Between these values, saliency becomes coverage. Where the network wavers inside an object, the object is covered.
const COVERED: (f32, f32) = (0.15, 0.65);
/// How much more saliency is required where the body network sees nobody.
const CAUTION: f32 = 0.15;
/// Width of the border in which the close look fades into the wide one, as a share of its longer side.
const FADE: f32 = 0.04;

/// The evidence for a person at each pixel.
pub(super) struct Sources<'a> {
    pub(super) person: &'a Plane<f32>,
    pub(super) salient: &'a Plane<f32>,
    pub(super) others: &'a Plane<f32>,
}

/// A coverage, 0..1, and its doubt, 0..1.
pub(super) struct Merged {
    pub(super) coverage: Plane<f32>,
    pub(super) doubt: Plane<f32>,
}

/// True when a person is only a small part of a connected salient object: a hand or face that was recognised in a
/// drawing.
pub(super) fn is_mere_part(person: &Plane<f32>, salient: &Plane<f32>, least: f32) -> bool {
    let area = |plane: &Plane<f32>, least: f32| plane.cells().iter().filter(|value| **value > least).count() as f32;
    let pairs = || person.cells().iter().zip(salient.cells());
    let core = area(person, CORE);
    let inside = pairs().filter(|(person, salient)| **person > CORE && **salient > least).count() as f32;
    let found = components(salient, |value| value > least);
    let mut shared = vec![0; found.sizes.len()];
    for (part, person) in found.part.iter().zip(person.cells()) {
        if let Some(part) = part
            && *person > CORE
        {
            shared[*part] += 1;
        }
    }
    let around: usize = found.sizes.iter().zip(&shared).filter(|(_, shared)| **shared > 0).map(|(size, _)| size).sum();
    inside > INSIDE * core && core < MERE_PART * around as f32
}

/// Intersection over union of a person's mask and the salient pixels.
pub(super) fn agreement(person: &Plane<f32>, salient: &Plane<f32>) -> f32 {
    let pairs = || person.cells().iter().zip(salient.cells());
    let both = pairs().filter(|(person, salient)| **person > 0.5 && **salient > 0.5).count();
    let either = pairs().filter(|(person, salient)| **person > 0.5 || **salient > 0.5).count();
    both as f32 / either.max(1) as f32
}

/// The coverage of a person.
pub(super) fn merged(sources: &Sources<'_>) -> Merged {
    let Sources { person, salient, others } = sources;
    // 1. Salient pixels, without other people.
    let cells = person.cells().iter().zip(salient.cells()).zip(others.cells());
    let own = cells.map(|((person, salient), other)| if other > person { salient * (1.0 - other) } else { *salient });
    let own = Plane::from_cells(person.width(), person.height(), own.collect());
    // 2. The components that belong to the person.
    let found = components(&own, |value| value > SALIENT);
    let mut shared = vec![0; found.sizes.len()];
    let (mut core, mut held) = (0, 0);
    for (part, _) in found.part.iter().zip(person.cells()).filter(|(_, person)| **person > CORE) {
        core += 1;
        if let Some(part) = part {
            shared[*part] += 1;
            held += 1;
        }
    }
    let agreement = held as f32 / core.max(1) as f32;
    if agreement < AGREED {
        let doubt = person.map(|value| 1.0 - (2.0 * value - 1.0).abs());
        return Merged { coverage: (*person).clone(), doubt };
    }
    let is_own = |part: usize| {
        let shared = shared[part] as f32;
        shared >= SHARED * found.sizes[part] as f32 || shared >= 0.05 * core as f32
    };
    // Pixels beside these components that stand out a little fade with them.
    let kept = |index: usize| match found.part[index] {
        Some(part) => is_own(part),
        None => true,
    };
    // 3. Combine both. Where only one of them sees something, the result is doubtful.
    let mut doubt = Vec::with_capacity(own.cells().len());
    let cells = own.cells().iter().zip(person.cells()).enumerate().map(|(index, (salient, person))| {
        // Where the body network sees nobody, only clearly salient pixels count.
        let (low, high) = (COVERED.0 + CAUTION * (1.0 - person), COVERED.1 + CAUTION * (1.0 - person));
        let salient = if kept(index) { ramp(*salient, (low, high)) } else { 0.0 };
        let body = ramp(*person, BODY_ONLY);
        doubt.push((body - salient).clamp(0.0, 1.0));
        salient.max(body)
    });
    let mut coverage = Plane::from_cells(own.width(), own.height(), cells.collect());
    // 4. Holes in which the body network sees the person are filled.
    let enclosed = holes(&coverage, |value| value > 0.5);
    for (index, value) in coverage.cells_mut().iter_mut().enumerate() {
        if enclosed[index] && person.cells()[index] > CORE {
            *value = value.max(person.cells()[index]);
        }
    }
    Merged { coverage, doubt: Plane::from_cells(own.width(), own.height(), doubt) }
}

/// The coverage of what stands out if nobody was recognised: its large components, or the one at a point, without
/// holes. None when nothing stands out.
pub(super) fn without_person(salient: &Plane<f32>, at: Option<(f32, f32)>) -> Option<Merged> {
    let found = components(salient, |value| value > SALIENT);
    let largest = *found.sizes.iter().max()?;
    let at_point = at.and_then(|(x, y)| {
        let (x, y) = ((x as usize).min(salient.width() - 1), (y as usize).min(salient.height() - 1));
        found.part[y * salient.width() + x]
    });
    let is_kept = |part: usize| match at_point {
        Some(wanted) => part == wanted,
        None => found.sizes[part] as f32 >= LEAST_PART * largest as f32,
    };
    let kept = found.part.iter().zip(salient.cells()).map(|(part, value)| match part {
        Some(part) if is_kept(*part) => *value,
        Some(_) => 0.0,
        None => *value,
    });
    let kept = Plane::from_cells(salient.width(), salient.height(), kept.collect());
    let enclosed = holes(&kept, |value| value > SALIENT);
    let cells =
        kept.cells().iter().zip(&enclosed).map(|(value, is_hole)| if *is_hole { 1.0 } else { ramp(*value, COVERED) });
    let coverage = Plane::from_cells(salient.width(), salient.height(), cells.collect());
    let doubt = coverage.map(|_| 0.0);
    Some(Merged { coverage, doubt })
}

/// The wide look, with the close one in its area. They fade into each other along the border of that area, except where
/// it coincides with the picture's border.
pub(super) fn joined_looks(wide: &Plane<f32>, close: &Plane<f32>, area: Rect<Frame>) -> Plane<f32> {
    let fade = (FADE * area.width.max(area.height) as f32).max(1.0);
    let (width, height) = (wide.width() as i32, wide.height() as i32);
    Plane::from_fn(wide.width(), wide.height(), |x, y| {
        let (column, row) = (x as i32, y as i32);
        let sides = [
            (area.x > 0, column - area.x),
            (area.right() < width, area.right() - 1 - column),
            (area.y > 0, row - area.y),
            (area.bottom() < height, area.bottom() - 1 - row),
        ];
        let nearest = sides.iter().filter(|(counts, _)| *counts).map(|(_, steps)| *steps).min().unwrap_or(i32::MAX);
        let share = (nearest as f32 / fade).clamp(0.0, 1.0);
        wide.get(x, y) + share * (close.get(x, y) - wide.get(x, y))
    })
}

/// 0 below the first bound, 1 above the second, linear between them.
fn ramp(value: f32, (low, high): (f32, f32)) -> f32 {
    ((value - low) / (high - low)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 inside a rectangle of columns and rows.
    fn block(columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> Plane<f32> {
        Plane::from_fn(40, 30, |x, y| if columns.contains(&x) && rows.contains(&y) { 1.0 } else { 0.0 })
    }

    fn either(one: &Plane<f32>, other: &Plane<f32>) -> Plane<f32> {
        let cells = one.cells().iter().zip(other.cells()).map(|(one, other)| one.max(*other));
        Plane::from_cells(one.width(), one.height(), cells.collect())
    }

    #[test]
    fn ears_are_added_and_things_elsewhere_are_not() {
        let person = block(10..16, 8..28);
        // The body with ears above, a cat beside it, and another person who touches it.
        let ears = block(10..16, 2..28);
        let salient = either(&either(&ears, &block(30..36, 20..28)), &block(16..20, 8..28));
        let others = block(16..20, 6..30);
        let found = merged(&Sources { person: &person, salient: &salient, others: &others });
        let at = |x, y| found.coverage.get(x, y);
        assert_eq!([at(12, 3), at(12, 20), at(33, 24), at(18, 20)], [1.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn saliency_of_something_else_does_not_count() {
        let person = block(4..12, 4..28);
        let found = merged(&Sources { person: &person, salient: &block(20..38, 2..28), others: &block(0..0, 0..0) });
        assert_eq!(found.coverage, person);
    }

    #[test]
    fn a_hand_in_a_drawing_is_no_person() {
        assert!(is_mere_part(&block(30..34, 4..8), &block(6..36, 2..28), SALIENT));
        assert!(!is_mere_part(&block(10..30, 4..28), &block(6..36, 2..28), SALIENT));
        assert!(!is_mere_part(&block(1..4, 4..8), &block(6..36, 2..28), SALIENT));
    }

    #[test]
    fn without_a_person_large_parts_stay_and_are_filled() {
        let mut salient = either(&block(4..20, 4..26), &block(34..36, 4..6));
        (8..12).for_each(|x| salient.set(x, 10, 0.0));
        let found = without_person(&salient, None).unwrap().coverage;
        assert_eq!([found.get(9, 10), found.get(35, 5), found.get(5, 5)], [1.0, 0.0, 1.0]);
        let found = without_person(&salient, Some((35.0, 5.0))).unwrap().coverage;
        assert_eq!([found.get(9, 12), found.get(35, 5)], [0.0, 1.0]);
        assert!(without_person(&block(0..0, 0..0), None).is_none());
    }

    #[test]
    fn looks_fade_into_each_other() {
        let joined = joined_looks(&block(0..0, 0..0), &block(0..40, 0..30), Rect::new(10, 0, 30, 30));
        assert_eq!([joined.get(9, 9), joined.get(39, 29)], [0.0, 1.0]);
    }
}
