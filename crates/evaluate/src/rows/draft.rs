//! Implements rows `draft`, `draft4` and `draft-sized`: the warped reference over the clean plate (crate `draft`). In
//! this order, the rows use one reference, four references, and one reference with a given height of the character. Row
//! `pseudo` animates the character without its scene and composites it onto the clean plate, like the baseline in table
//! 3 of the paper.

use draft::body::retarget::{Factors, PROPORTIONS, retarget};
use draft::clip::{DraftClip, drafts};
use draft::drafter::{Draft, DraftConfig};
use draft::plate::PlateFrame;
use draft::puppet::Puppet;
use draft::puppet::cutout::Cutout;
use media::picture::{Mask, Picture};
use perception::pose::Pose;

use crate::case::Case;

/// Increase this whenever the drafts change, so that old measurements are not reused.
pub(crate) const VERSION: u32 = 7;

/// What a row knows about the character's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Nothing: the character is as tall as the driving person, with the default proportions.
    Unknown,
    /// Its height. The character therefore also keeps its own proportions.
    Sized,
}

impl Body {
    /// The poses of a case for a character with this body, judged by its pictures.
    pub(crate) fn poses(self, case: &Case, puppets: &[Puppet]) -> Vec<Option<Pose>> {
        let (proportions, height) = match self {
            Self::Unknown => (PROPORTIONS, 1.0),
            Self::Sized => (1.0, case.stature),
        };
        let Some(puppet) = puppets.iter().find(|puppet| puppet.is_jointed()) else { return case.poses.clone() };
        let factors = Factors::between(puppet, &case.poses, case.size(), proportions, height);
        retarget(&case.poses, &factors, &vec![[false; 2]; case.poses.len()], case.size())
    }

    fn config(self, case: &Case) -> DraftConfig {
        let height = match self {
            Self::Unknown => 1.0,
            Self::Sized => case.stature,
        };
        // A canvas shows nobody whose light could be followed.
        DraftConfig { height, light: !case.is_canvas(), ..DraftConfig::default() }
    }
}

/// The drafts of a case with their intermediate results; one entry for each frame.
#[derive(Debug, Clone)]
pub struct CaseDrafts {
    /// The drafts.
    pub drafts: Vec<Draft>,
    /// The frames without the person.
    pub plates: Vec<PlateFrame>,
    /// The character's poses.
    pub poses: Vec<Option<Pose>>,
}

impl CaseDrafts {
    /// The drafts of every frame from the first `references` references of the case (or fewer if it has fewer).
    pub fn make(case: &Case, references: usize, body: Body) -> Self {
        let puppets = puppets(case, references);
        let (width, height) = case.size();
        let poses = body.poses(case, &puppets);
        let seen = Mask::filled(width, height, 255);
        let plate = |picture: &Picture| PlateFrame { picture: picture.clone(), seen: seen.clone() };
        let plates: Vec<PlateFrame> = case.plates().iter().map(plate).collect();
        let nobody = vec![None; case.poses.len()];
        let clip = DraftClip {
            frames: &case.frames,
            plates: &plates,
            holes: &case.holes,
            persons: &case.persons,
            driving_poses: if case.is_canvas() { &nobody } else { &case.poses },
            poses: &poses,
            objects: &case.objects,
        };
        let drafts = drafts(&clip, puppets, body.config(case));
        Self { drafts, plates, poses }
    }
}

/// The first `references` pictures of the character, cut out.
pub(crate) fn puppets(case: &Case, references: usize) -> Vec<Puppet> {
    let cutouts = case
        .references
        .iter()
        .take(references)
        .filter_map(|reference| Cutout::new(&reference.picture, &reference.mask, reference.pose.as_ref()));
    cutouts.map(Puppet::new).collect()
}

/// The character over the clean plates as if those were all that is known of the scene: no light, no shadow, nothing in front.
pub(crate) fn pseudo(case: &Case) -> Vec<Picture> {
    let (plates, (width, height)) = (case.plates(), case.size());
    let puppets = puppets(case, 1);
    let poses = Body::Unknown.poses(case, &puppets);
    let seen = Mask::filled(width, height, 255);
    let under: Vec<PlateFrame> =
        plates.iter().map(|plate| PlateFrame { picture: plate.clone(), seen: seen.clone() }).collect();
    let clip = DraftClip {
        frames: plates,
        plates: &under,
        holes: &vec![Mask::filled(width, height, 0); plates.len()],
        persons: &case.persons,
        driving_poses: &vec![None; plates.len()],
        poses: &poses,
        objects: &[],
    };
    let config = DraftConfig { light: false, shadow: false, height: 1.0 };
    drafts(&clip, puppets, config).into_iter().map(|draft| draft.picture).collect()
}

/// The drafts as pictures.
pub(crate) fn make(case: &Case, references: usize, body: Body) -> Vec<Picture> {
    CaseDrafts::make(case, references, body).drafts.into_iter().map(|draft| draft.picture).collect()
}
