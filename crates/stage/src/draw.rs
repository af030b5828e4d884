//! From a seed to the description of a clip.

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::acts::ACTS;
use crate::assets::Assets;
use crate::bone::{Bone, Side};
use crate::character::Character;
use crate::clip::act_out;
use crate::error::StageError;
use crate::framing::{Cut, Track, cameras};
use crate::linear::Vec3;
use crate::motion::Motion;
use crate::scenery::{allowed, made_up, plain, scene};
use crate::spec::{Action, Cast, ClipSettings, ClipSpec, HeldProp, ReferenceSpec};
use crate::split::stable_hash;

impl ClipSpec {
    /// Draws a clip from `seed`: the same seed, assets and settings give the same clip.
    ///
    /// # Errors
    /// When an asset that was drawn cannot be made; with assets that loaded this does not happen.
    pub fn draw(seed: u64, assets: &Assets, settings: &ClipSettings) -> Result<Self, StageError> {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        let mut casts = vec![cast(random, assets, settings)];
        if settings.twin {
            let other =
                (0..8).map(|_| cast(random, assets, settings)).find(|other| other.character != casts[0].character);
            casts.push(other.unwrap_or_else(|| Cast { appearance: fresh(random), ..casts[0].clone() }));
        }
        let characters = casts.iter().map(|cast| assets.character(&cast.character)).collect::<Result<Vec<_>, _>>()?;
        let prop = held_prop(random, assets, settings);

        // A part of a motion that stays near the ground and does not run too far.
        let azimuth = random.random_range(0.0..std::f32::consts::TAU);
        let frames = (settings.frames.max(1), 1.0 / settings.rate.hertz() as f32);
        let mut chosen = None;
        for attempt in 0..8 {
            let direction = azimuth + facing(random);
            let action = action(random, assets, settings, direction)?;
            let poses = casts
                .iter()
                .zip(&characters)
                .map(|(cast, character)| act_out(character, &action, cast.scale, prop.as_ref(), frames, assets));
            let poses = poses.collect::<Result<Vec<_>, _>>()?;
            let pairs: Vec<_> = characters.iter().map(AsRef::as_ref).zip(poses.iter().map(Vec::as_slice)).collect();
            let track = Track::new(&pairs);
            let (low, high) = track.bounds();
            let fits = track.travel() < 3.5 && high.y - low.y < 2.9;
            if fits || attempt == 7 {
                chosen = Some((action, track));
                break;
            }
        }
        let Some((action, track)) = chosen else {
            return Err(StageError::BadSpec { what: "frames", found: "0".into(), expected: "at least 1" });
        };
        let cut = match random.random_range(0..20) {
            0..3 if track.upright() => Cut::KneesUp,
            3..7 if track.upright() && track.travel() < 1.5 => Cut::Upper,
            _ => Cut::Whole,
        };
        let size = (settings.width, settings.height);
        let cameras = cameras(random, &track, azimuth, cut, false, size);
        let scene = scene(random, assets, settings, &cameras, track.bounds())?;
        let mut lists = Vec::new();
        for (cast, character) in casts.iter().zip(&characters) {
            let list: Result<Vec<_>, _> = (0..settings.references)
                .map(|index| reference(random, assets, settings, (cast, character), index))
                .collect();
            lists.push(list?);
        }
        let mut lists = lists.into_iter();
        let mut casts = casts.into_iter();
        let person =
            casts.next().ok_or(StageError::BadSpec { what: "person", found: "none".into(), expected: "one" })?;
        Ok(Self {
            seed,
            width: settings.width,
            height: settings.height,
            rate: settings.rate,
            person,
            twin: casts.next(),
            action,
            prop,
            cameras,
            scene,
            references: lists.next().unwrap_or_default(),
            twin_references: lists.next().unwrap_or_default(),
        })
    }
}

/// A seed that is not 0 and that JSON readers which know only floats keep.
fn fresh(random: &mut ChaCha8Rng) -> u64 {
    random.random_range(1..1u64 << 53)
}

/// An identity: a loaded character or a mannequin, recoloured and resized.
fn cast(random: &mut ChaCha8Rng, assets: &Assets, settings: &ClipSettings) -> Cast {
    let loaded = allowed(&assets.characters, settings.split);
    let built_in = random.random_bool(f64::from(settings.mannequin_share.clamp(0.0, 1.0)));
    let character = match loaded.choose(random) {
        Some(named) if !built_in => named.id.clone(),
        _ => format!("mannequin/{}", made_up(random, settings.split)),
    };
    let appearance = if random.random_bool(0.12) { 0 } else { fresh(random) };
    Cast { character, appearance, scale: random.random_range(0.94..1.06) }
}

/// Angle between where the person faces and the camera: mostly towards it.
fn facing(random: &mut ChaCha8Rng) -> f32 {
    match random.random_range(0..20) {
        0..11 => random.random_range(-0.7..0.7),
        11..16 => random.random_range(-1.7..1.7),
        _ => random.random_range(-std::f32::consts::PI..std::f32::consts::PI),
    }
}

/// A motion: first a pack, so that a pack of many short motions does not crowd out the others.
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
fn action(
    random: &mut ChaCha8Rng,
    assets: &Assets,
    settings: &ClipSettings,
    direction: f32,
) -> Result<Action, StageError> {
    let id = motion_id(random, assets, settings);
    let motion = assets.motion(&id)?;
    let seconds = settings.frames as f32 / settings.rate.hertz() as f32;
    let mut speed = random.random_range(0.75..1.25f32);
    // A short motion is slowed down rather than frozen at its end.
    if seconds * speed > motion.duration() {
        speed = (motion.duration() / seconds).max(0.4);
    }
    let start = random.random_range(0.0..=(motion.duration() - seconds * speed).max(0.0));
    let mut action = Action { motion: id, start, speed, heading: 0.0, mirror: random.random_bool(0.5) };
    action.heading = direction - own_direction(&motion, &action, seconds);
    Ok(action)
}

/// Where the pelvis faces halfway through an action with heading 0, in radians from +Z.
fn own_direction(motion: &Motion, action: &Action, seconds: f32) -> f32 {
    let turn = motion.at(action.start + seconds * action.speed / 2.0).turns[Bone::Pelvis as usize];
    let front = turn.rotate(Vec3::new(0.0, 0.0, 1.0));
    let x = if action.mirror { -front.x } else { front.x };
    if x.abs() + front.z.abs() < 0.2 { 0.0 } else { x.atan2(front.z) }
}

/// Something in the hand, in a share of the clips.
fn held_prop(random: &mut ChaCha8Rng, assets: &Assets, settings: &ClipSettings) -> Option<HeldProp> {
    if !random.random_bool(f64::from(settings.prop_share.clamp(0.0, 1.0))) {
        return None;
    }
    let loaded = allowed(&assets.props, settings.split);
    let holdable: Vec<_> = loaded.into_iter().filter_map(|named| Some((named, named.item.held_sizes()?))).collect();
    let (prop, (least, most)) = match holdable.choose(random) {
        Some((named, sizes)) if !random.random_bool(0.12) => (named.id.clone(), *sizes),
        _ => (format!("ball/{}", made_up(random, settings.split)), (0.14, 0.3)),
    };
    Some(HeldProp {
        appearance: if random.random_bool(0.5) && !prop.starts_with("ball/") { 0 } else { fresh(random) },
        prop,
        hand: if random.random_bool(0.65) { Side::Right } else { Side::Left },
        size: random.random_range(least..most),
        twist: random.random_range(-0.4..0.4),
    })
}

/// Picture number `index` of an identity. The first shows the whole person from the front.
fn reference(
    random: &mut ChaCha8Rng,
    assets: &Assets,
    settings: &ClipSettings,
    (cast, character): (&Cast, &Character),
    index: usize,
) -> Result<ReferenceSpec, StageError> {
    let azimuth = random.random_range(0.0..std::f32::consts::TAU);
    let turned = if index == 0 { random.random_range(-0.35..0.35) } else { random.random_range(-0.9..0.9) };
    let mut chosen = None;
    for attempt in 0..6 {
        let mut action = action(random, assets, settings, azimuth + turned)?;
        if attempt == 5 || (index == 0 && random.random_bool(0.7)) {
            let calm = if random.random_bool(0.7) { "idle" } else { "wave" };
            let start = random.random_range(0.0..7.0);
            action = Action { motion: format!("built-in/{calm}"), start, ..action };
        }
        let poses = act_out(character, &action, cast.scale, None, (1, 1.0), assets)?;
        // The facing was set for halfway through; here only the first instant counts.
        let motion = assets.motion(&action.motion)?;
        action.heading = azimuth + turned - own_direction(&motion, &action, 0.0);
        let track = Track::new(&[(character, &poses)]);
        if track.upright() || attempt == 5 {
            let poses = act_out(character, &action, cast.scale, None, (1, 1.0), assets)?;
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
        scene(random, assets, settings, &cameras, track.bounds())?
    };
    Ok(ReferenceSpec { action, camera: cameras[0], scene })
}

/// A seed for clip number `index` of the set named `name`, so that sets do not share clips.
pub fn seed_of(name: &str, index: u64) -> u64 {
    stable_hash(index, name) & ((1 << 53) - 1)
}
