//! Streams clips directly into a trainer, without writing to disk.

use crate::assets::collection::Assets;
use crate::error::StageError;
use crate::render::clip::{Clip, Passes, render_parts};
use crate::seed::seed_of;
use crate::settings::ClipSettings;
use crate::spec::ClipSpec;

/// The clips of a set, by number. Clip `i` depends only on the assets, the settings, the set's name and `i`, so that
/// many processes can share a set.
#[derive(Debug, Clone)]
pub struct ClipStream<'a> {
    assets: &'a Assets,
    settings: &'a ClipSettings,
    set: &'a str,
    wanted: Passes,
    next: u64,
    step: u64,
}

impl<'a> ClipStream<'a> {
    /// All clips of the set `set`, from number 0 on, without end.
    pub fn new(assets: &'a Assets, settings: &'a ClipSettings, set: &'a str) -> Self {
        Self { assets, settings, set, wanted: Passes::ALL, next: 0, step: 1 }
    }

    /// Restricts the stream to every `count`-th clip from number `first` on, which is the share of one of `count`
    /// processes.
    pub fn share(self, first: u64, count: u64) -> Self {
        Self { next: first, step: count.max(1), ..self }
    }

    /// Restricts which parts of the clips are rendered.
    pub fn wanting(self, wanted: Passes) -> Self {
        Self { wanted, ..self }
    }

    /// Renders clip number `index`.
    ///
    /// # Errors
    /// The errors of [`ClipSpec::draw`] and [`render_parts`].
    pub fn clip(&self, index: u64) -> Result<(ClipSpec, Clip), StageError> {
        let spec = ClipSpec::draw(seed_of(self.set, index), self.assets, self.settings)?;
        let clip = render_parts(&spec, self.assets, self.wanted)?;
        Ok((spec, clip))
    }
}

impl Iterator for ClipStream<'_> {
    type Item = Result<(ClipSpec, Clip), StageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let clip = self.clip(self.next);
        self.next += self.step;
        Some(clip)
    }
}
