//! Computes the poses of a character that performs an action with or without a prop.

use crate::assets::collection::Assets;
use crate::body::character::Character;
use crate::body::performance::perform;
use crate::body::pose::{Grips, Posed};
use crate::body::stance::Stance;
use crate::error::StageError;
use crate::spec::{Action, UsedProp};

/// What a body does that uses `used`.
pub(crate) fn stance_of(used: Option<&UsedProp>, assets: &Assets) -> Result<Stance, StageError> {
    match used {
        Some(used) => Ok(assets.prop(&used.prop)?.stance(Some(used))),
        None => Ok(Stance::Free(Grips::RELAXED_BOTH)),
    }
}

/// The poses of a character that performs an action, at `times` in seconds after the first frame.
pub(crate) fn act_out(
    character: &Character,
    action: &Action,
    scale: f32,
    stance: Stance,
    times: &[f32],
    assets: &Assets,
) -> Result<Vec<Posed>, StageError> {
    let finite = action.start.is_finite() && action.speed.is_finite() && action.heading.is_finite();
    if !finite {
        return Err(StageError::BadSpec { what: "action", found: format!("{action:?}"), expected: "finite numbers" });
    }
    let motion = assets.motion(&action.motion)?;
    Ok(perform(character, &motion, action, scale, stance, times))
}
