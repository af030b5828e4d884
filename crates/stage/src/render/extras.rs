//! What furniture and bystanders leave behind for the drawing of the person.

use media::picture::Mask;

use crate::linear::Vec3;
use crate::render::raster::Samples;
use crate::render::shadow::ShadowMap;

/// Layer of the first; the person and the prop in use have the ones before.
pub(crate) const FIRST_EXTRA: usize = 2;
/// Most in one scene: layers have six bits.
pub(crate) const MOST_EXTRAS: usize = 24;
/// [`Sight::surface`] of furniture and bystanders.
pub(crate) const EXTRA_SURFACE: u8 = u8::MAX;

/// What furniture and bystanders leave behind for the drawing of the person.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extras {
    /// Nearest extra at every sample.
    pub(crate) samples: Samples,
    /// Shadow of each.
    pub(crate) shadows: Vec<ShadowMap>,
    /// Visible part of each in the empty scene.
    pub(crate) masks: Vec<Mask>,
}

impl Extras {
    /// Share of the sun that they let through to a point.
    #[inline]
    pub(crate) fn sunlit(&self, place: Vec3) -> f32 {
        let lit =
            |share: f32, map: &ShadowMap| if map.may_darken(place) { share * map.sunlit(place, 2.0) } else { share };
        self.shadows.iter().fold(1.0, lit)
    }
}
