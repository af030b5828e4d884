//! Defines the methods that are compared, which are the rows of the table.

use std::time::Instant;

use draft::in_use::{InUse, InUseInput};
use media::picture::Mask;

use crate::objects::clips::Seen;
use crate::objects::{outside_capsules, sticking_out};

/// A method to find objects in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Nothing,
    StickingOut,
    OutsideCapsules,
    Own,
}

impl Method {
    pub(crate) const ALL: [Self; 4] = [Self::Nothing, Self::StickingOut, Self::OutsideCapsules, Self::Own];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing kept",
            Self::StickingOut => "what sticks out of the mask",
            Self::OutsideCapsules => "all outside of capsules",
            Self::Own => "**colours, bodies and time**",
        }
    }

    /// Its result for each frame.
    pub(crate) fn objects(self, seen: &Seen<'_>) -> Vec<Option<Mask>> {
        match self {
            Self::Nothing => vec![None; seen.frames.len()],
            Self::StickingOut => each(seen, sticking_out::objects),
            Self::OutsideCapsules => each(seen, outside_capsules::objects),
            Self::Own => {
                let start = Instant::now();
                let found = own(seen);
                seen.took.set(start.elapsed().as_secs_f64() / seen.frames.len() as f64);
                found
            }
        }
    }
}

fn each(seen: &Seen<'_>, objects: impl Fn(&Seen<'_>, usize) -> Option<Mask>) -> Vec<Option<Mask>> {
    (0..seen.frames.len()).map(|index| objects(seen, index)).collect()
}

fn own(seen: &Seen<'_>) -> Vec<Option<Mask>> {
    let mut in_use = InUse::default();
    for (index, picture) in seen.frames.iter().enumerate() {
        in_use.look(picture, &seen.persons[index], seen.poses[index].as_ref(), index == 0);
    }
    let mut objects = |index: usize| {
        in_use.objects(&InUseInput {
            source: &seen.frames[index],
            plate: &seen.plates[index],
            person: &seen.persons[index],
            pose: seen.poses[index].as_ref(),
            starts_shot: index == 0,
        })
    };
    (0..seen.frames.len()).map(&mut objects).collect()
}
