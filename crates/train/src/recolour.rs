//! Lessons in other colours: every picture of a lesson with its colour channels in another order.
//!
//! What a denoiser must learn of a reference is to take its colours over, whatever they are. A few hundred rendered persons
//! have a few hundred sets of colours, which a network would rather remember; the same clips in other colours are new to it.
//! Skeleton, depth and focus stay.

use media::picture::Picture;

use crate::supervision::Lesson;

/// All orders of three channels but the first.
const ORDERS: [[usize; 3]; 5] = [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
/// How many copies of a clip can be in colours of their own.
pub const MOST_COPIES: u64 = ORDERS.len() as u64;

impl Lesson {
    /// Copy `copy` (0 = as it is) of clip `index`; the copies of a clip differ, and so do the orders among clips.
    ///
    /// # Panics
    /// When `copy` is above [`MOST_COPIES`].
    pub fn recoloured(self, index: u64, copy: u64) -> Self {
        assert!(copy <= MOST_COPIES, "copy {copy} of {MOST_COPIES}");
        if copy == 0 {
            return self;
        }
        let order = ORDERS[((index + copy - 1) % MOST_COPIES) as usize];
        let all = |pictures: Vec<Picture>| -> Vec<Picture> {
            pictures.iter().map(|picture| picture.map(|colour| order.map(|channel| colour[channel]))).collect()
        };
        Self {
            target: all(self.target),
            environment: all(self.environment),
            objects: self.objects.map(all),
            references: all(self.references),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use media::picture::{Mask, Plane};

    use super::*;

    fn lesson() -> Lesson {
        let picture = || vec![Picture::filled(2, 1, [1, 2, 3])];
        Lesson {
            target: picture(),
            environment: picture(),
            objects: Some(picture()),
            skeleton: picture(),
            depth: vec![Plane::filled(2, 1, 7)],
            focus: vec![Mask::filled(2, 1, 255)],
            references: picture(),
        }
    }

    #[test]
    fn pictures_change_together_and_conditions_of_the_pose_do_not() {
        let copy = lesson().recoloured(1, 2);
        let expected = vec![Picture::filled(2, 1, [2, 3, 1])];
        assert_eq!((&copy.target, &copy.environment, &copy.references), (&expected, &expected, &expected));
        assert_eq!(copy.objects, Some(expected));
        let as_it_was = lesson();
        assert_eq!((copy.skeleton, copy.depth, copy.focus), (as_it_was.skeleton, as_it_was.depth, as_it_was.focus));
        assert_eq!(lesson().recoloured(1, 0), lesson());
    }

    #[test]
    fn all_copies_of_a_clip_differ() {
        let mut seen: Vec<_> = (0..=MOST_COPIES).map(|copy| lesson().recoloured(3, copy).target[0].get(0, 0)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 6);
    }
}
