//! Chooses from the seed how a prop is used. The kind of use is chosen first; the prop's place is chosen when the
//! body's poses are known.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use crate::assets::collection::{Assets, Named};
use crate::assets::furniture::kind_of;
use crate::assets::prop::Prop;
use crate::assets::use_class::Home;
use crate::body::bone::Bone;
use crate::body::character::Character;
use crate::body::pose::Posed;
use crate::linear::{Quat, Vec3};
use crate::scene::placing::Footprint;
use crate::scene::scenery::{allowed, made_up};
use crate::scene::volume::{depths, goes_through};
use crate::seed::fresh;
use crate::settings::ClipSettings;
use crate::side::Side;
use crate::spec::{Usage, UsedProp};
use crate::trig::Exact;

/// The intended use of a prop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Hold,
    Carry,
    Sit,
    Lean,
    Kick,
    Near,
}

impl Purpose {
    fn draw(random: &mut ChaCha8Rng) -> Self {
        match random.random_range(0..20) {
            0..8 => Self::Hold,
            8..11 => Self::Carry,
            11..14 => Self::Sit,
            14..16 => Self::Lean,
            16..18 => Self::Kick,
            _ => Self::Near,
        }
    }

    /// True if the body must stay upright.
    pub(crate) fn wants_upright(self) -> bool {
        matches!(self, Self::Lean | Self::Carry)
    }

    /// Longest path of the body, in metres.
    pub(crate) fn longest_way(self) -> f32 {
        if self == Self::Lean { 0.35 } else { 3.5 }
    }

    /// The usual longest side of a loaded prop, minimum and maximum; `None` if it does not suit the purpose.
    fn sizes(self, prop: &Prop) -> Option<(f32, f32)> {
        match self {
            Self::Hold => prop.held_sizes(),
            Self::Carry => prop.carried_sizes(),
            Self::Sit => prop.standing_sizes().filter(|_| prop.seat().is_some()),
            Self::Lean => prop.standing_sizes().filter(|_| prop.is_support()),
            Self::Kick => None,
            Self::Near => prop.standing_sizes(),
        }
    }

    /// Kinds of built-in furniture that suit it.
    fn built_in(self) -> &'static [&'static str] {
        match self {
            Self::Hold | Self::Kick => &[],
            Self::Carry => &["crate", "stool"],
            Self::Sit => &["chair", "stool", "crate"],
            Self::Lean => &["table"],
            Self::Near => &["table", "chair", "crate", "stool", "bookshelf"],
        }
    }
}

/// A prop and its intended use.
pub(crate) struct Plan {
    pub(crate) purpose: Purpose,
    id: String,
    prop: std::sync::Arc<Prop>,
    size: f32,
    appearance: u64,
    hand: Side,
    twist: f32,
}

/// A prop to use, in a share of the clips.
pub(crate) fn plan(random: &mut ChaCha8Rng, assets: &Assets, settings: &ClipSettings, home: Home) -> Option<Plan> {
    if !random.random_bool(f64::from(settings.prop_share.clamp(0.0, 1.0))) {
        return None;
    }
    let purpose = Purpose::draw(random);
    let loaded = allowed(&assets.props, settings.split);
    // A held or carried prop can be anywhere. A standing prop is where it belongs.
    let moved = matches!(purpose, Purpose::Hold | Purpose::Carry);
    let suits = |named: &&Named<Prop>| moved || named.item.home().suits(home);
    let fit = loaded.into_iter().filter(suits).filter_map(|named| Some((named, purpose.sizes(&named.item)?)));
    let fit: Vec<_> = fit.collect();
    let built_in = random.random_bool(0.12);
    let (id, sizes) = match fit.choose(random) {
        Some((named, sizes)) if !built_in => (named.id.clone(), *sizes),
        _ if purpose.built_in().is_empty() => (format!("ball/{}", made_up(random, settings.split)), (0.16, 0.26)),
        _ => {
            let seed = (0..200)
                .map(|_| made_up(random, settings.split))
                .find(|seed| purpose.built_in().contains(&kind_of(*seed)))?;
            let id = format!("furniture/{seed}");
            let prop = assets.prop(&id).ok()?;
            let sizes = if purpose == Purpose::Carry { Some((0.3, 0.42)) } else { prop.standing_sizes() };
            (id, sizes?)
        }
    };
    Some(Plan {
        purpose,
        prop: assets.prop(&id).ok()?,
        size: random.random_range(sizes.0..sizes.1),
        appearance: if random.random_bool(0.5) && !id.starts_with("ball/") { 0 } else { fresh(random) },
        id,
        hand: if random.random_bool(0.65) { Side::Right } else { Side::Left },
        twist: random.random_range(-0.4..0.4),
    })
}

impl Plan {
    fn used(&self, usage: Usage, size: f32) -> UsedProp {
        UsedProp { prop: self.id.clone(), usage, size, appearance: self.appearance }
    }

    /// The use, as far as it determines what the body does. `facing` is the person's direction.
    pub(crate) fn before_acting(&self, character: &Character, scale: f32, facing: f32) -> Option<UsedProp> {
        let skeleton = character.skeleton();
        let yaw = Quat::about(Vec3::UP, facing);
        match self.purpose {
            Purpose::Hold => Some(self.used(Usage::Hand { hand: self.hand, twist: self.twist }, self.size)),
            Purpose::Carry => Some(self.used(Usage::BothHands, self.size)),
            Purpose::Sit => {
                let seat = self.prop.seat()?;
                let knee = (skeleton.rest(Bone::LeftCalf).y + skeleton.rest(Bone::RightCalf).y) / 2.0 * scale;
                let height = knee * 0.97;
                let share = seat.middle.y + self.prop.half(1.0).y;
                let size = height / share.max(0.05);
                // A prop that would have to become giant or tiny is not a seat for this person.
                if !(0.6..1.6).contains(&(size / self.size)) {
                    return None;
                }
                let heading = facing - seat.facing;
                let turn = Quat::about(Vec3::UP, heading);
                let middle = turn.rotate(Vec3::new(seat.middle.x, 0.0, seat.middle.z)) * size;
                // On a deep seat the person sits towards the front, so that the knees are above its edge.
                let front = yaw.rotate(Vec3::new(0.0, 0.0, 1.0));
                let own = turn.inverse().rotate(front);
                let half = self.prop.half(size);
                let edge = own.x.abs() * half.x + own.z.abs() * half.z - middle.dot(front);
                let thigh = (skeleton.rest(Bone::LeftThigh) - skeleton.rest(Bone::LeftCalf)).length() * scale;
                let forwards = (edge - (thigh - 0.07)).max(0.0);
                let place = -middle - front * forwards;
                Some(self.used(Usage::Seat { place, heading, facing, hips: Vec3::UP * height }, size))
            }
            Purpose::Lean => {
                let tall = character.height() * scale;
                let size = self.size * (0.5 * tall / (2.0 * self.prop.half(self.size).y)).clamp(0.85, 1.2);
                let half = self.prop.half(size);
                let top = 2.0 * half.y;
                if !(0.4..0.62).contains(&(top / tall)) {
                    return None;
                }
                let side = if self.hand == Side::Left { 1.0 } else { -1.0 };
                let (out, front) = (yaw.rotate(Vec3::new(side, 0.0, 0.0)), yaw.rotate(Vec3::new(0.0, 0.0, 1.0)));
                let palm = out * (0.25 * tall) + front * (0.06 * tall) + Vec3::UP * top;
                let place = palm + out * (half.x - 0.09) + front * (self.twist * half.z);
                let place = Vec3::new(place.x, 0.0, place.z);
                Some(self.used(Usage::Support { hand: self.hand, place, heading: facing, palm }, size))
            }
            Purpose::Kick | Purpose::Near => None,
        }
    }

    /// The use, changed so that held props do not pass through anybody: rotated, or smaller, if necessary. `None` when
    /// nothing helps.
    pub(crate) fn settled(&self, used: &UsedProp, cast: &[(&Character, &[Posed])], seconds: f32) -> Option<UsedProp> {
        let clear = |used: &UsedProp| {
            cast.iter().all(|(character, poses)| !goes_through(&depths((character, poses), &self.prop, used, seconds)))
        };
        match used.usage {
            Usage::Hand { hand, twist } => [(0.0, 1.0), (0.4, 1.0), (-0.4, 1.0), (0.8, 1.0), (-0.8, 1.0), (0.0, 0.75)]
                .into_iter()
                .map(|(turn, factor)| {
                    let usage = Usage::Hand { hand, twist: twist + turn };
                    UsedProp { usage, size: used.size * factor, ..used.clone() }
                })
                .find(clear),
            Usage::BothHands => clear(used).then(|| used.clone()),
            _ => Some(used.clone()),
        }
    }

    /// The use of a prop whose place depends on the body's path.
    pub(crate) fn after_acting(
        &self,
        random: &mut ChaCha8Rng,
        (character, poses): (&Character, &[Posed]),
        bodies: &[Vec<Vec3>],
        seconds: f32,
        facing: f32,
    ) -> Option<UsedProp> {
        match self.purpose {
            Purpose::Kick => {
                // Without a kick the ball lies at the feet.
                let Some((frame, toe, velocity)) = fastest_toe(character, poses, seconds) else {
                    return self.nearby(random, bodies, facing);
                };
                let level = Vec3::new(velocity.x, 0.0, velocity.z);
                let radius = self.prop.half(self.size).y;
                let place = toe + level.normalised() * (radius + 0.04);
                let speed = (1.25 * level.length()).clamp(1.5, 7.0);
                let velocity = level.normalised() * speed + Vec3::UP * random.random_range(0.0..2.2);
                let place = Vec3::new(place.x, radius, place.z);
                Some(self.used(Usage::Kicked { place, time: frame as f32 * seconds, velocity }, self.size))
            }
            Purpose::Near => self.nearby(random, bodies, facing),
            _ => None,
        }
    }

    /// The prop on the floor, as near to the body's direction as space allows.
    fn nearby(&self, random: &mut ChaCha8Rng, bodies: &[Vec<Vec3>], facing: f32) -> Option<UsedProp> {
        let half = self.prop.half(self.size);
        let heading = facing + random.random_range(-0.5..0.5);
        (0..4).find_map(|_| {
            let way = Quat::about(Vec3::UP, facing + random.random_range(-0.9..0.9)).rotate(Vec3::new(0.0, 0.0, 1.0));
            (0..20).map(|step| half.z.max(half.x) * 0.5 + 0.2 + 0.07 * step as f32).find_map(|distance| {
                let place = way * distance;
                let footprint = Footprint { place, heading, half };
                let clear = bodies.iter().flatten().all(|&joint| footprint.distance(joint) > 0.13);
                clear.then(|| self.used(Usage::Near { place, heading }, self.size))
            })
        })
    }
}

/// Frame, place and velocity of the fastest low toe; `None` when all are slow.
fn fastest_toe(character: &Character, poses: &[Posed], seconds: f32) -> Option<(usize, Vec3, Vec3)> {
    let skeleton = character.skeleton();
    let mut best: Option<(usize, Vec3, Vec3)> = None;
    for toes in [Bone::LeftToes, Bone::RightToes] {
        let joint = skeleton.joint_or_above(toes);
        for frame in 1..poses.len() {
            let (before, after) = (poses[frame - 1].joint(joint), poses[frame].joint(joint));
            let velocity = (after - before) * (1.0 / seconds.max(1e-3));
            let level = velocity.x.across(velocity.z);
            if after.y < 0.3 && level > 1.2 && best.is_none_or(|(.., known)| known.x.across(known.z) < level) {
                best = Some((frame, after, velocity));
            }
        }
    }
    best
}

impl UsedProp {
    /// The position of the prop, if it stands on the floor.
    pub(crate) fn footprint(&self, prop: &Prop) -> Option<Footprint> {
        let half = prop.half(self.size);
        match self.usage {
            Usage::Hand { .. } | Usage::BothHands | Usage::Kicked { .. } => None,
            Usage::Seat { place, heading, .. }
            | Usage::Support { place, heading, .. }
            | Usage::Near { place, heading } => Some(Footprint { place, heading, half }),
        }
    }
}
