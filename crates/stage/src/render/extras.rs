//! Holds the effect of furniture and bystanders on the drawing of the person: occlusion, shadows and masks.

use media::picture::Mask;

use crate::linear::Vec3;
use crate::render::raster::Samples;
use crate::render::shadow::ShadowMap;

/// Layer of the first one. The person and the prop in use have the layers before it.
pub(crate) const FIRST_EXTRA: usize = 2;
/// Largest number in one scene: layers have six bits.
pub(crate) const MOST_EXTRAS: usize = 24;
/// The [`Sight::surface`] of furniture and bystanders.
pub(crate) const EXTRA_SURFACE: u8 = u8::MAX;

/// The effect of furniture and bystanders on the drawing of the person.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extras {
    /// The nearest one at every sample.
    pub(crate) samples: Samples,
    /// The shadow of each.
    pub(crate) shadows: Vec<ShadowMap>,
    /// The visible part of each in the empty scene.
    pub(crate) masks: Vec<Mask>,
}

impl Extras {
    /// The share of the sun that they let through to a point.
    #[inline]
    pub(crate) fn sunlit(&self, place: Vec3) -> f32 {
        let lit =
            |share: f32, map: &ShadowMap| if map.may_darken(place) { share * map.sunlit(place, 2.0) } else { share };
        self.shadows.iter().fold(1.0, lit)
    }
}
