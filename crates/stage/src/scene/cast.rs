//! Chooses from a seed who acts and what they do: identities, motions, and the reference pictures of an identity.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use crate::assets::collection::Assets;
use crate::body::acts::ACTS;
use crate::body::balance::hovers;
use crate::body::bone::Bone;
use crate::body::character::Character;
use crate::body::motion::Motion;
use crate::body::pose::Grips;
use crate::body::stance::Stance;
use crate::error::StageError;
use crate::linear::Vec3;
use crate::scene::acting::act_out;
use crate::scene::framing::{Cut, Track, cameras};
use crate::scene::scenery::{Setting, allowed, made_up, plain, scene};
use crate::seed::fresh;
use crate::settings::ClipSettings;
use crate::spec::{Action, Build, Cast, ReferenceSpec};
use crate::trig::Exact;

/// An identity: a loaded character or a mannequin, recoloured and resized.
pub(crate) fn cast(random: &mut ChaCha8Rng, assets: &Assets, settings: &ClipSettings) -> Cast {
    let loaded = allowed(&assets.characters, settings.split);
    let built_in = random.random_bool(f64::from(settings.mannequin_share.clamp(0.0, 1.0)));
    let character = match loaded.choose(random) {
        Some(named) if !built_in => named.id.clone(),
        _ => format!("mannequin/{}", made_up(random, settings.split)),
    };
    let appearance = if random.random_bool(0.12) { 0 } else { fresh(random) };
    Cast { character, appearance, scale: random.random_range(0.94..1.06), build: build(random) }
}

/// Proportions: the asset's own, or others within the human range.
fn build(random: &mut ChaCha8Rng) -> Build {
    if random.random_bool(0.3) {
        return Build::OWN;
    }
    Build {
        legs: random.random_range(0.93..1.08),
        arms: random.random_range(0.95..1.06),
        trunk: random.random_range(0.95..1.06),
        shoulders: random.random_range(0.92..1.1),
        head: random.random_range(0.95..1.07),
        girth: random.random_range(0.9..1.16),
    }
}

/// Angle between the person's direction and the camera: mostly towards it.
pub(crate) fn facing(random: &mut ChaCha8Rng) -> f32 {
    match random.random_range(0..20) {
        0..11 => random.random_range(-0.7..0.7),
        11..16 => random.random_range(-1.7..1.7),
        _ => random.random_range(-std::f32::consts::PI..std::f32::consts::PI),
    }
}

/// Draws a motion. The pack is drawn first, so that a pack of many short motions does not crowd out the others.
fn motion_id(random: &mut ChaCha8Rng, assets: &Assets, settings: &ClipSettings) -> String {
    let loaded = allowed(&assets.motions, settings.split);
    let mut packs: Vec<(&str, f32)> = Vec::new();
    for named in &loaded {
        match packs.iter_mut().find(|(pack, _)| *pack == named.item.pack()) {
            Some((_, count)) => *count += 1.0,
            None => packs.push((named.item.pack(), 1.0)),
        }
    }
    let pack = packs.choose_weighted(random, |(_, count)| count.sqrt()).map(|(pack, _)| *pack);
    let of_pack: Vec<_> = loaded.iter().filter(|named| Ok(named.item.pack()) == pack).collect();
    match of_pack.choose(random) {
        Some(named) if random.random_bool(0.97) => named.id.clone(),
        _ => format!("built-in/{}", ACTS[random.random_range(0..ACTS.len())]),
    }
}

/// A part of a motion in which the person faces `direction` halfway through.
pub(crate) fn action(
    random: &mut ChaCha8Rng,
    assets: &Assets,
    settings: &ClipSettings,
    direction: f32,
) -> Result<Action, StageError> {
    let id = motion_id(random, assets, settings);
    let motion = assets.motion(&id)?;
    let seconds = settings.frames as f32 / settings.rate.hertz() as f32;
    let mut speed = random.random_range(0.75..1.25f32);
    // A short motion is slowed down, so that it does not freeze at its end.
    if seconds * speed > motion.duration() {
        speed = (motion.duration() / seconds).max(0.4);
    }
    let start = random.random_range(0.0..=(motion.duration() - seconds * speed).max(0.0));
    let mut action = Action { motion: id, start, speed, heading: 0.0, mirror: random.random_bool(0.5) };
    action.heading = direction - own_direction(&motion, &action, seconds);
    Ok(action)
}

/// The direction of the pelvis halfway through an action with heading 0, in radians from +Z.
fn own_direction(motion: &Motion, action: &Action, seconds: f32) -> f32 {
    let turn = motion.at(action.start + seconds * action.speed / 2.0).turns[Bone::Pelvis as usize];
    let front = turn.rotate(Vec3::new(0.0, 0.0, 1.0));
    let x = if action.mirror { -front.x } else { front.x };
    if x.abs() + front.z.abs() < 0.2 { 0.0 } else { x.angle_with(front.z) }
}

/// Reference picture number `index` of an identity. The first shows the whole person from the front.
pub(crate) fn reference(
    random: &mut ChaCha8Rng,
    assets: &Assets,
    settings: &ClipSettings,
    (cast, character): (&Cast, &Character),
    index: usize,
) -> Result<ReferenceSpec, StageError> {
    let azimuth = random.random_range(0.0..std::f32::consts::TAU);
    let turned = if index == 0 { random.random_range(-0.35..0.35) } else { random.random_range(-0.9..0.9) };
    let free = Stance::Free(Grips::RELAXED_BOTH);
    let mut chosen = None;
    for attempt in 0..6 {
        let mut action = action(random, assets, settings, azimuth + turned)?;
        if attempt == 5 || (index == 0 && random.random_bool(0.7)) {
            let calm = if random.random_bool(0.7) { "idle" } else { "wave" };
            let start = random.random_range(0.0..7.0);
            action = Action { motion: format!("built-in/{calm}"), start, ..action };
        }
        let poses = act_out(character, &action, cast.scale, free, &[0.0], assets)?;
        // A still picture of somebody who sits on nothing looks broken.
        let stands = !hovers(character, &poses, 1.0);
        // The direction was set for halfway through. Here only the first instant counts.
        let motion = assets.motion(&action.motion)?;
        action.heading = azimuth + turned - own_direction(&motion, &action, 0.0);
        let track = Track::new(&[(character, &poses)]);
        if (track.upright() && stands) || attempt == 5 {
            let poses = act_out(character, &action, cast.scale, free, &[0.0], assets)?;
            chosen = Some((action, Track::new(&[(character, &poses)])));
            break;
        }
    }
    let Some((action, track)) = chosen else {
        return Err(StageError::BadSpec { what: "reference", found: "none".into(), expected: "a pose" });
    };
    let cut = match random.random_range(0..10) {
        0..2 if index > 0 => Cut::Upper,
        2..4 if index > 0 => Cut::KneesUp,
        _ => Cut::Whole,
    };
    let cameras = cameras(random, &track, azimuth, cut, true, (settings.width, settings.height));
    let scene = if index.is_multiple_of(2) {
        plain(random, azimuth)
    } else {
        let setting = Setting::draw(random, assets, settings)?;
        scene(random, assets, settings, &setting, &cameras, track.bounds())?
    };
    Ok(ReferenceSpec { action, camera: cameras[0], scene })
}
