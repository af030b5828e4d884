//! Rows `draft` and `draft4`: the warped reference over the clean plate (crate `draft`), from one or four references.

use draft::clip::{DraftClip, drafts};
use draft::cutout::Cutout;
use draft::drafter::{Draft, DraftConfig};
use draft::plate::PlateFrame;
use draft::puppet::Puppet;
use draft::retarget::{Factors, PROPORTIONS, retarget};
use media::picture::{Mask, Picture};
use perception::pose::Pose;

use crate::case::Case;

/// Raise it whenever the drafts change, so that old measurements are not kept.
pub(crate) const VERSION: u32 = 5;

/// The drafts of a case with what they were made of; one entry a frame.
#[derive(Debug, Clone)]
pub struct CaseDrafts {
    /// The drafts.
    pub drafts: Vec<Draft>,
    /// The frames without the person.
    pub plates: Vec<PlateFrame>,
    /// The poses that the character takes.
    pub poses: Vec<Option<Pose>>,
}

impl CaseDrafts {
    /// The drafts of every frame from the first `references` references of the case (fewer if it has fewer).
    pub fn make(case: &Case, references: usize, config: DraftConfig) -> Self {
        let cutouts = case
            .references
            .iter()
            .take(references)
            .filter_map(|reference| Cutout::new(&reference.picture, &reference.mask, reference.pose.as_ref()));
        let puppets: Vec<Puppet> = cutouts.map(Puppet::new).collect();
        let (width, height) = case.size();
        let mut poses = case.poses.clone();
        if let Some(puppet) = puppets.iter().find(|puppet| puppet.is_jointed()) {
            let factors = Factors::between(puppet, &poses, case.size(), PROPORTIONS, 1.0);
            poses = retarget(&poses, &factors, &vec![[false; 2]; case.poses.len()]);
        }
        let seen = Mask::filled(width, height, 255);
        let plate = |picture: &Picture| PlateFrame { picture: picture.clone(), seen: seen.clone() };
        let plates: Vec<PlateFrame> = case.plates().iter().map(plate).collect();
        let clip = DraftClip {
            frames: &case.frames,
            plates: &plates,
            holes: &case.holes,
            persons: &case.persons,
            driving_poses: &case.poses,
            poses: &poses,
            objects: &case.objects,
        };
        let drafts = drafts(&clip, puppets, config);
        Self { drafts, plates, poses }
    }
}

/// The drafts as pictures.
pub(crate) fn make(case: &Case, references: usize) -> Vec<Picture> {
    CaseDrafts::make(case, references, DraftConfig::default()).drafts.into_iter().map(|draft| draft.picture).collect()
}
