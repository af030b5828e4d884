//! Turns a seed into the description of a clip.

use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::assets::collection::Assets;
use crate::body::balance::hovers;
use crate::body::character::Character;
use crate::body::pose::Posed;
use crate::body::stance::Stance;
use crate::camera::Camera;
use crate::error::StageError;
use crate::linear::Vec3;
use crate::scene::acting::{act_out, stance_of};
use crate::scene::cast::{action, cast, facing, reference};
use crate::scene::framing::{Cut, Track, cameras};
use crate::scene::placing::Floor;
use crate::scene::scenery::{Setting, scene};
use crate::scene::surroundings::{bystanders, furniture};
use crate::scene::usage::{Plan, Purpose, plan};
use crate::seed::fresh;
use crate::settings::ClipSettings;
use crate::spec::{Action, Backdrop, Cast, ClipSpec, Exposure, Usage, UsedProp};

/// Number of motions that are tried before one is used as it is.
const MOST_ATTEMPTS: usize = 24;
/// If a person is lower than this share of the picture, another view is drawn.
const LEAST_HEIGHT: f32 = 0.24;
/// Longest path of a person in front of a video, in metres: the camera does not follow.
const LONGEST_BEFORE_VIDEO: f32 = 1.8;

impl ClipSpec {
    /// Generates the description of a clip from `seed`: the same seed, assets and settings give the same clip.
    ///
    /// # Errors
    /// When an asset cannot be made. This does not happen with successfully loaded assets.
    pub fn draw(seed: u64, assets: &Assets, settings: &ClipSettings) -> Result<Self, StageError> {
        let random = &mut ChaCha8Rng::seed_from_u64(seed);
        // 1. Who acts, and what they use.
        let casts = casts(random, assets, settings);
        let characters = casts.iter().map(|cast| assets.cast(cast)).collect::<Result<Vec<_>, _>>()?;
        let setting = Setting::draw(random, assets, settings)?;
        let mut plan = plan(random, assets, settings, setting.home());

        // 2. A part of a motion that stays near the ground and does not move too far.
        let azimuth = random.random_range(0.0..std::f32::consts::TAU);
        let company = Company { casts: &casts, characters: &characters, filmed: setting.is_video() };
        let Acted { action, prop, poses, track, direction } =
            company.act(random, assets, settings, &mut plan, azimuth)?;
        let bodies = bodies(&characters, &poses);
        let prop = match (prop, &plan) {
            (None, Some(plan)) => {
                plan.after_acting(random, (&characters[0], &poses[0]), &bodies, seconds(settings), direction)
            }
            (prop, _) => prop,
        };

        // 3. The camera, the place and its surroundings.
        let kicks = plan.as_ref().is_some_and(|plan| plan.purpose == Purpose::Kick);
        let size = (settings.width, settings.height);
        let cameras = views(random, &track, azimuth, kicks, setting.is_video(), size);
        let scene = scene(random, assets, settings, &setting, &cameras, track.bounds())?;
        let room = match &scene.backdrop {
            Backdrop::Room { low, high, .. } => Some((*low, *high)),
            _ => None,
        };
        let mut floor = Floor { bodies, cameras: &cameras, room, taken: Vec::new(), size };
        let prop = with_room(prop, assets, &mut floor)?;
        let (furniture, bystanders) = match setting.is_video() {
            true => (Vec::new(), Vec::new()),
            false => (
                furniture(random, assets, settings, setting.home(), &mut floor)?,
                bystanders(random, assets, settings, &mut floor, &casts)?,
            ),
        };
        let exposure = exposure(random, settings);

        // 4. Pictures of the identities.
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
            swapped: casts.next(),
            action,
            prop,
            cameras,
            scene,
            furniture,
            bystanders,
            exposure,
            references: lists.next().unwrap_or_default(),
            swapped_references: lists.next().unwrap_or_default(),
        })
    }
}

/// Seconds between two frames.
fn seconds(settings: &ClipSettings) -> f32 {
    1.0 / settings.rate.hertz() as f32
}

/// The person, and the second identity if the settings ask for one.
fn casts(random: &mut ChaCha8Rng, assets: &Assets, settings: &ClipSettings) -> Vec<Cast> {
    let mut casts = vec![cast(random, assets, settings)];
    if settings.swapped {
        let other = (0..8).map(|_| cast(random, assets, settings)).find(|other| other.character != casts[0].character);
        casts.push(other.unwrap_or_else(|| Cast { appearance: fresh(random), ..casts[0].clone() }));
    }
    casts
}

/// Everybody who acts, the person first.
struct Company<'a> {
    casts: &'a [Cast],
    characters: &'a [Arc<Character>],
    /// True if they act in front of a video.
    filmed: bool,
}

/// What everybody does, with the prop if one was chosen before.
struct Acted {
    action: Action,
    prop: Option<UsedProp>,
    poses: Vec<Vec<Posed>>,
    track: Track,
    /// The direction in which the person looks at the start.
    direction: f32,
}

impl Company<'_> {
    /// Draws actions until one suits the plan and the place. After half of the tries, a plan without a suitable action
    /// is dropped.
    fn act(
        &self,
        random: &mut ChaCha8Rng,
        assets: &Assets,
        settings: &ClipSettings,
        plan: &mut Option<Plan>,
        azimuth: f32,
    ) -> Result<Acted, StageError> {
        let Self { casts, characters, filmed } = *self;
        let seconds = seconds(settings);
        let times: Vec<f32> = (0..settings.frames.max(1)).map(|frame| frame as f32 * seconds).collect();
        let mut attempt = 0;
        loop {
            let upright = plan.as_ref().is_some_and(|plan| plan.purpose.wants_upright());
            let longest = plan.as_ref().map_or(3.5, |plan| plan.purpose.longest_way());
            let longest = if filmed { longest.min(LONGEST_BEFORE_VIDEO) } else { longest };
            let direction = azimuth + facing(random);
            let action = action(random, assets, settings, direction)?;
            let prop = plan.as_ref().and_then(|plan| plan.before_acting(&characters[0], casts[0].scale, direction));
            let stance = stance_of(prop.as_ref(), assets)?;
            let poses = casts
                .iter()
                .zip(characters)
                .map(|(cast, character)| act_out(character, &action, cast.scale, stance, &times, assets))
                .collect::<Result<Vec<Vec<Posed>>, _>>()?;
            let pairs: Vec<_> = characters.iter().map(AsRef::as_ref).zip(poses.iter().map(Vec::as_slice)).collect();
            let track = Track::new(&pairs);
            let (low, high) = track.bounds();
            let near = track.travel() < longest && high.y - low.y < 2.9 && (!upright || track.upright());
            let supported = matches!(stance, Stance::Seated { .. } | Stance::Leaning { .. });
            let stands = supported || !pairs.iter().any(|(character, poses)| hovers(character, poses, seconds));
            let (prop, clear) = match (prop, &*plan) {
                (Some(used), Some(plan)) => {
                    let settled = plan.settled(&used, &pairs, seconds);
                    (Some(settled.clone().unwrap_or(used)), settled.is_some())
                }
                (prop, _) => (prop, true),
            };
            attempt += 1;
            if (near && stands && clear) || attempt >= MOST_ATTEMPTS {
                return Ok(Acted { action, prop: prop.filter(|_| clear), poses, track, direction });
            }
            // Nobody leans on something in the middle of a leap. After some tries the plan is dropped.
            if attempt == MOST_ATTEMPTS / 2 {
                *plan = None;
            }
        }
    }
}

/// The camera in every frame: the drawn view, or one from another side in which the person is less foreshortened.
fn views(
    random: &mut ChaCha8Rng,
    track: &Track,
    azimuth: f32,
    kicks: bool,
    filmed: bool,
    size: (usize, usize),
) -> Vec<Camera> {
    let cut = match random.random_range(0..20) {
        0..3 if track.upright() && !kicks => Cut::KneesUp,
        3..7 if track.upright() && track.travel() < 1.5 && !kicks => Cut::Upper,
        _ => Cut::Whole,
    };
    let mut views = cameras(random, track, azimuth, cut, filmed, size);
    // A person lying towards the camera is too foreshortened: another view is tried.
    let mut share = track.height_share(&views, size);
    for turn in 1..=6 {
        if share > LEAST_HEIGHT {
            break;
        }
        let aside = azimuth + turn as f32 * 0.55 * if turn % 2 == 0 { 1.0 } else { -1.0 };
        let other = cameras(random, track, aside, Cut::Whole, filmed, size);
        let its_share = track.height_share(&other, size);
        if its_share > share {
            (views, share) = (other, its_share);
        }
    }
    views
}

/// Chooses the prop's place on the floor. A prop that stands near is dropped if it hides the person or stands in a
/// wall.
fn with_room(prop: Option<UsedProp>, assets: &Assets, floor: &mut Floor<'_>) -> Result<Option<UsedProp>, StageError> {
    let Some(used) = prop else { return Ok(None) };
    let Some(footprint) = used.footprint(assets.prop(&used.prop)?.as_ref()) else { return Ok(Some(used)) };
    let near = matches!(used.usage, Usage::Near { .. });
    if near && !floor.takes(&footprint, -1.0, 0.6) {
        return Ok(None);
    }
    floor.taken.push(footprint);
    Ok(Some(used))
}

/// Motion blur and noise.
fn exposure(random: &mut ChaCha8Rng, settings: &ClipSettings) -> Exposure {
    let chance = |random: &mut ChaCha8Rng, share: f32| random.random_bool(f64::from(share.clamp(0.0, 1.0)));
    Exposure {
        shutter: if chance(random, settings.blur_share) { random.random_range(0.3..0.8) } else { 0.0 },
        noise: if chance(random, settings.noise_share) { random.random_range(1.0..5.0) } else { 0.0 },
    }
}

/// Body joints of everybody who acts, for each frame.
fn bodies(characters: &[Arc<Character>], poses: &[Vec<Posed>]) -> Vec<Vec<Vec3>> {
    let frames = poses.first().map_or(0, Vec::len);
    let body = |frame: usize| {
        characters.iter().zip(poses).flat_map(move |(character, poses)| {
            character.landmarks().body.map(|landmark| poses[frame].landmark(character.skeleton(), &landmark))
        })
    };
    (0..frames).map(|frame| body(frame).collect()).collect()
}
