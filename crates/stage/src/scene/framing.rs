//! Chooses the position and motion of the camera, so that the person is in the picture for the whole clip.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::body::character::Character;
use crate::body::pose::Posed;
use crate::camera::Camera;
use crate::linear::Vec3;
use crate::trig::Exact;

/// Points of all identities that must stay in the picture, for each frame.
pub(crate) struct Track {
    /// Whole bodies.
    whole: Vec<Vec<Vec3>>,
    /// Heads, trunks and hips.
    upper: Vec<Vec<Vec3>>,
    /// All but feet.
    knees_up: Vec<Vec<Vec3>>,
    /// Pelvis of the first identity.
    middle: Vec<Vec3>,
    upright: bool,
    people: usize,
}

impl Track {
    /// Collects the points of every (character, poses) pair. All have the same number of frames.
    pub(crate) fn new(cast: &[(&Character, &[Posed])]) -> Self {
        let frames = cast.first().map_or(0, |(_, poses)| poses.len());
        let mut track = Self {
            whole: Vec::new(),
            upper: Vec::new(),
            knees_up: Vec::new(),
            middle: Vec::new(),
            upright: true,
            people: cast.len(),
        };
        for frame in 0..frames {
            let (mut whole, mut upper, mut knees_up) = (Vec::new(), Vec::new(), Vec::new());
            for (index, (character, poses)) in cast.iter().enumerate() {
                let (skeleton, landmarks) = (character.skeleton(), character.landmarks());
                let place = |landmark| poses[frame].landmark(skeleton, landmark);
                let body = landmarks.body.each_ref().map(place);
                let extremes: Vec<Vec3> = landmarks.extremes.iter().map(place).collect();
                whole.extend(body);
                whole.extend(&extremes);
                knees_up.extend((0..18).filter(|joint| ![10, 13].contains(joint)).map(|joint| body[joint]));
                knees_up.push(extremes[0]);
                upper.extend([0, 1, 2, 5, 8, 11, 14, 15, 16, 17].map(|joint| body[joint]));
                upper.push(extremes[0]);
                let (hips, neck) = (body[8].lerp(body[11], 0.5), body[1]);
                track.upright &= neck.y - hips.y > 0.8 * (neck - hips).length();
                if index == 0 {
                    track.middle.push(hips);
                }
            }
            track.whole.push(whole);
            track.upper.push(upper);
            track.knees_up.push(knees_up);
        }
        track
    }

    /// Lowest and highest corner of everything that must be seen.
    pub(crate) fn bounds(&self) -> (Vec3, Vec3) {
        bounds(self.whole.iter().flatten().copied())
    }

    /// How far the person moves, in metres.
    pub(crate) fn travel(&self) -> f32 {
        let (low, high) = bounds(self.middle.iter().copied());
        let way = high - low;
        (way.x * way.x + way.z * way.z).sqrt()
    }

    /// The smallest height of anybody in any picture, as a share of the picture's height.
    pub(crate) fn height_share(&self, cameras: &[Camera], size: (usize, usize)) -> f32 {
        let each = self.whole.iter().map(Vec::len).min().unwrap_or(0) / self.people.max(1);
        let of = |person: usize| -> Vec<Vec<Vec3>> {
            self.whole.iter().map(|points| points[person * each..(person + 1) * each].to_vec()).collect()
        };
        (0..self.people).map(|person| height_share(cameras, &of(person), size)).fold(f32::MAX, f32::min)
    }

    /// True when every trunk stays within 37 degrees of the vertical.
    pub(crate) fn upright(&self) -> bool {
        self.upright
    }
}

fn bounds(points: impl Iterator<Item = Vec3>) -> (Vec3, Vec3) {
    let start = (Vec3::new(f32::MAX, f32::MAX, f32::MAX), Vec3::new(f32::MIN, f32::MIN, f32::MIN));
    points.fold(start, |(low, high), point| (low.min(point), high.max(point)))
}

/// How the person is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    Whole,
    KneesUp,
    Upper,
}

/// Largest height of the camera above the centre of the view, in units of its distance.
const STEEPEST: f32 = 0.8;

/// A plan for one shot. The distance is found afterwards.
struct Shot {
    azimuth: f32,
    height: f32,
    field: f32,
    roll: f32,
    /// Share of the person's path that the view follows, and that the camera itself follows.
    follow: f32,
    carry: f32,
    /// Paths of camera and view over the clip, in units of the distance.
    slide: Vec3,
    drift: Vec3,
    approach: f32,
    /// Camera shake: amplitude in radians, and phases.
    shake: f32,
    phases: [f32; 6],
    /// Position of the person in the picture, in halves of the picture.
    offset: [f32; 2],
}

impl Shot {
    fn cameras(&self, middle: Vec3, way: &[Vec3], distance: f32) -> Vec<Camera> {
        let count = way.len();
        let back = Vec3::new(self.azimuth.sine(), 0.0, self.azimuth.cosine());
        let side = Vec3::new(back.z, 0.0, -back.x);
        (0..count)
            .map(|frame| {
                let time = if count > 1 { frame as f32 / (count - 1) as f32 - 0.5 } else { 0.0 };
                let wobble = |slot: usize, rate: f32| {
                    (frame as f32 * rate + self.phases[slot]).sine() * self.shake
                        + (frame as f32 * rate * 2.3 + self.phases[slot] * 1.7).sine() * self.shake * 0.4
                };
                let reach = distance * (1.0 + self.approach * time);
                let half = distance * (self.field / 2.0).tangent();
                let aside = side * (-self.offset[0] * half) + Vec3::UP * (self.offset[1] * half);
                let target = middle + way[frame] * self.follow + self.drift * (time * distance) + aside;
                let mut eye = middle + way[frame] * self.carry + back * reach + self.slide * (time * distance);
                // In a close-up, nobody is seen from directly above.
                eye.y = self.height.min(target.y + STEEPEST * reach) + self.slide.y * time * distance;
                let shaken = side * (wobble(0, 0.31) * reach) + Vec3::UP * (wobble(1, 0.27) * reach);
                eye += side * (wobble(2, 0.19) * 0.5) + Vec3::UP * (wobble(3, 0.23) * 0.5);
                Camera { eye, target: target + shaken, roll: self.roll + wobble(4, 0.21) * 0.6, field: self.field }
            })
            .collect()
    }
}

/// Cameras for a clip of `track`, seen from `azimuth` (0 = from +Z). `still` keeps the camera in place.
pub(crate) fn cameras(
    random: &mut ChaCha8Rng,
    track: &Track,
    azimuth: f32,
    cut: Cut,
    still: bool,
    (width, height): (usize, usize),
) -> Vec<Camera> {
    let points = match cut {
        Cut::Whole => &track.whole,
        Cut::KneesUp => &track.knees_up,
        Cut::Upper => &track.upper,
    };
    let (low, high) = bounds(points.iter().flatten().copied());
    let middle = low.lerp(high, 0.5);
    let centre = track.middle.iter().fold(Vec3::ZERO, |sum, &at| sum + at) * (1.0 / track.middle.len().max(1) as f32);
    let way = smoothed(&track.middle, centre);
    // A fixed camera does not follow the person.
    let far = !still && track.travel() > 1.0;
    let kind = if still { 0 } else { random.random_range(0..20) };
    let mut shot = Shot {
        azimuth,
        height: if random.random_bool(0.75) { random.random_range(0.9..1.7) } else { random.random_range(0.35..2.2) },
        field: random.random_range(0.42..0.95),
        roll: random.random_range(-0.02..0.02),
        follow: if far { 1.0 } else { 0.0 },
        carry: 0.0,
        slide: Vec3::ZERO,
        drift: Vec3::ZERO,
        approach: 0.0,
        shake: 0.0,
        phases: std::array::from_fn(|_| random.random_range(0.0..std::f32::consts::TAU)),
        offset: [random.random_range(-0.14..0.14), random.random_range(-0.05..0.05)],
    };
    let signed = |random: &mut ChaCha8Rng, least: f32, most: f32| {
        random.random_range(least..most) * if random.random_bool(0.5) { 1.0 } else { -1.0 }
    };
    let across = Vec3::new(azimuth.cosine(), 0.0, -azimuth.sine());
    match kind {
        // Standing still.
        0..9 => {}
        // Panning.
        9..12 => shot.drift = across * signed(random, 0.03, 0.12) + Vec3::UP * signed(random, 0.0, 0.03),
        // Going sideways, or nearer.
        12..14 => shot.slide = across * signed(random, 0.06, 0.25),
        14..16 => shot.approach = signed(random, 0.06, 0.2),
        // Held by hand.
        _ => shot.shake = random.random_range(0.002..0.009),
    }
    // A crouching or lying person is seen from above.
    if high.y - low.y < 1.0 && cut == Cut::Whole {
        shot.height = random.random_range(1.3..2.3);
    }
    if far {
        shot.carry = if random.random_bool(0.5) { 0.0 } else { 0.9 };
    }
    let fill: f32 = match cut {
        Cut::Whole => random.random_range(0.62..0.94),
        Cut::KneesUp => random.random_range(0.8..0.98),
        Cut::Upper => random.random_range(0.75..0.95),
    };
    // Feet must not touch the lower edge, so that their contact with the ground is visible. Whole bodies stay
    // completely inside.
    let best = fitted(&shot, middle, &way, points, (width, height), fill);
    if far || still || height_share(&best, &track.whole, (width, height)) > 0.35 || cut != Cut::Whole {
        return best;
    }
    // The path makes the person too small, so the camera follows it.
    (shot.follow, shot.carry) = (1.0, 0.8);
    fitted(&shot, middle, &way, points, (width, height), fill)
}

/// The cameras of a shot, at the distance where the points fill the share `fill` of the picture.
fn fitted(
    shot: &Shot,
    middle: Vec3,
    way: &[Vec3],
    points: &[Vec<Vec3>],
    (width, height): (usize, usize),
    fill: f32,
) -> Vec<Camera> {
    let mut distance = 3.0;
    let mut best = shot.cameras(middle, way, distance);
    for _ in 0..16 {
        best = shot.cameras(middle, way, distance);
        let worst = extent(&best, points, (width, height));
        if !worst.is_finite() || worst > 20.0 {
            distance *= 1.8;
        } else {
            distance *= (worst / fill).clamp(0.6, 1.7);
        }
        distance = distance.clamp(0.7, 14.0);
    }
    best
}

/// The smallest height of the points among the pictures, as a share of the picture's height.
fn height_share(cameras: &[Camera], points: &[Vec<Vec3>], size: (usize, usize)) -> f32 {
    let share = |(camera, points): (&Camera, &Vec<Vec3>)| {
        let view = camera.view(size, 1);
        let rows = points.iter().map(|&point| view.project(point).0[1].clamp(0.0, size.1 as f32));
        let (low, high) = rows.fold((f32::MAX, f32::MIN), |(low, high), row| (low.min(row), high.max(row)));
        (high - low) / size.1 as f32
    };
    cameras.iter().zip(points).map(share).fold(f32::MAX, f32::min)
}

/// The largest distance of a point from the centre of its picture, in halves of the picture.
fn extent(cameras: &[Camera], points: &[Vec<Vec3>], size: (usize, usize)) -> f32 {
    let half = [size.0 as f32 / 2.0, size.1 as f32 / 2.0];
    let mut worst = 0.0f32;
    for (camera, points) in cameras.iter().zip(points) {
        let view = camera.view(size, 1);
        for &point in points {
            let ([x, y], depth) = view.project(point);
            if depth < 0.3 {
                return f32::INFINITY;
            }
            worst = worst.max((x - half[0]).abs() / half[0]).max((y - half[1]).abs() / half[1]);
        }
    }
    worst
}

/// The path from `centre` along the floor, without individual steps.
fn smoothed(places: &[Vec3], centre: Vec3) -> Vec<Vec3> {
    let reach = 6isize;
    (0..places.len() as isize)
        .map(|frame| {
            let mut sum = Vec3::ZERO;
            let mut weight = 0.0;
            for offset in -reach..=reach {
                let share = 1.0 - offset.unsigned_abs() as f32 / (reach + 1) as f32;
                let index = (frame + offset).clamp(0, places.len() as isize - 1) as usize;
                sum += (places[index] - centre) * share;
                weight += share;
            }
            let mean = sum * (1.0 / weight);
            Vec3::new(mean.x, 0.0, mean.z)
        })
        .collect()
}
