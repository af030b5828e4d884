//! Holds the data that the steps of a job share.

use super::composition::Composition;
use super::job::Job;
use super::scene::Scene;
use super::source::Source;
use model::sampling::clip_plan::Clip;

use crate::events::Events;
use crate::run_folder::RunFolder;
use crate::timeline::Timeline;

/// Shared by the steps of one job.
pub(super) struct Work<'a> {
    pub(super) job: &'a Job,
    pub(super) composition: Composition,
    pub(super) run: &'a RunFolder,
    pub(super) source: &'a Source,
    pub(super) scene: &'a Scene,
    pub(super) timeline: &'a Timeline,
    pub(super) plan: &'a [Clip],
    pub(super) events: &'a Events,
}

impl Work<'_> {
    /// The index of the clip that finishes a frame.
    pub(super) fn clip_of(&self, frame: usize) -> usize {
        self.plan.partition_point(|clip| clip.new_frames().end <= frame)
    }
}
