//! Augments colours: the colour channels of all pictures of a training example are permuted, and each channel gets a
//! tone curve, `255 (v / 255)^g`.
//!
//! A denoiser must learn to copy any colours of a reference. A few hundred rendered persons have only a few hundred
//! sets of colours, which a network would memorise. In other colours, the same clips are new to the network. The tone
//! curves change greys, which a permutation of the channels leaves unchanged. Black, which means "nothing" in
//! environment and objects, stays black. Skeleton, depth and loss mask stay unchanged.

use media::picture::Picture;
use rand::Rng;

use crate::data::supervision::TrainingExample;
use crate::trainer::random_of_step;

/// All orders of three channels except the original one.
const ORDERS: [[usize; 3]; 5] = [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
/// Smallest and largest binary logarithm of a curve's exponent.
const EXPONENTS: std::ops::Range<f64> = -0.8..0.8;
/// Largest number of recoloured copies of a clip.
pub const MOST_COPIES: u64 = ORDERS.len() as u64;

impl TrainingExample {
    /// Makes copy `copy` (0 = original) of clip `index`. The copies of a clip differ, and the channel orders differ
    /// between clips.
    ///
    /// # Panics
    /// When `copy` is above [`MOST_COPIES`].
    pub fn recoloured(self, index: u64, copy: u64) -> Self {
        assert!(copy <= MOST_COPIES, "copy {copy} of {MOST_COPIES}");
        if copy == 0 {
            return self;
        }
        let order = ORDERS[((index + copy - 1) % MOST_COPIES) as usize];
        let mut random = random_of_step(index, copy);
        // Mostly lighter or darker as a whole, and slightly tinted.
        let whole = random.random_range(EXPONENTS);
        let curves = order.map(|_| curve((whole + 0.3 * random.random_range(EXPONENTS)).exp2()));
        let colour_of = |colour: [u8; 3]| [0, 1, 2].map(|to| curves[to][usize::from(colour[order[to]])]);
        let all = |pictures: Vec<Picture>| -> Vec<Picture> {
            pictures.iter().map(|picture| picture.map(colour_of)).collect()
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

/// The curve with this exponent, from byte to byte. Only 0 becomes 0.
fn curve(exponent: f64) -> [u8; 256] {
    let mut curve = [0; 256];
    for (from, to) in curve.iter_mut().enumerate().skip(1) {
        *to = (255.0 * (from as f64 / 255.0).powf(exponent)).round().max(1.0) as u8;
    }
    curve
}

#[cfg(test)]
mod tests {
    use media::picture::{Mask, Plane};

    use super::*;

    fn example() -> TrainingExample {
        let picture = || vec![Picture::filled(2, 1, [1, 2, 3])];
        TrainingExample {
            target: picture(),
            environment: picture(),
            objects: Some(picture()),
            skeleton: picture(),
            depth: vec![Plane::filled(2, 1, 7)],
            loss_mask: vec![Mask::filled(2, 1, 255)],
            references: picture(),
        }
    }

    #[test]
    fn pictures_change_together_and_conditions_of_the_pose_do_not() {
        let copy = example().recoloured(1, 2);
        // Order 2, 3, 1, each with its curve: every picture still has one colour, and black stays black.
        let colour = copy.target[0].get(0, 0);
        let expected = vec![Picture::filled(2, 1, colour)];
        assert_ne!(colour, [1, 2, 3]);
        assert_eq!((&copy.target, &copy.environment, &copy.references), (&expected, &expected, &expected));
        assert_eq!(copy.objects, Some(expected));
        let as_it_was = example();
        assert_eq!(
            (copy.skeleton, copy.depth, copy.loss_mask),
            (as_it_was.skeleton, as_it_was.depth, as_it_was.loss_mask)
        );
        assert_eq!(example().recoloured(1, 0), example());
    }

    #[test]
    fn curves_rise_and_keep_black_and_white() {
        for exponent in [0.57, 1.0, 1.74] {
            let curve = curve(exponent);
            assert_eq!((curve[0], curve[255]), (0, 255));
            assert!(curve.windows(2).all(|pair| pair[0] <= pair[1]) && curve[1] >= 1, "{exponent}");
        }
        assert!(curve(1.0).iter().enumerate().all(|(from, to)| from == usize::from(*to)));
        // Computed by hand: (128 / 255)^2 * 255 = 64.25.
        assert_eq!(curve(2.0)[128], 64);
    }

    #[test]
    fn greys_change_too() {
        let grey = || vec![Picture::filled(2, 1, [120, 120, 120])];
        let example = TrainingExample { target: grey(), ..example() };
        let mut levels: Vec<_> = (0..9).map(|index| example.clone().recoloured(index, 1).target[0].get(0, 0)).collect();
        levels.sort_unstable();
        levels.dedup();
        assert_eq!(levels.len(), 9);
    }

    #[test]
    fn all_copies_of_a_clip_differ() {
        let mut seen: Vec<_> =
            (0..=MOST_COPIES).map(|copy| example().recoloured(3, copy).target[0].get(0, 0)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 6);
    }
}
