//! Generates built-in people, whose bodies are ellipsoids on the joints. The seed determines clothes, hair and
//! proportions.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::body::character::Character;
use crate::body::skeleton::Skeleton;
use crate::colour::{garment, hsv, vivid};
use crate::linear::{Affine, Quat, Vec3};
use crate::mesh::{Kind, Material, Mesh};
use crate::side::Side;

/// Joints by name, in the order of the skeleton.
struct Frame {
    joints: Vec<(String, Option<usize>, Vec3)>,
}

impl Frame {
    fn add(&mut self, name: &str, parent: Option<usize>, place: Vec3) -> usize {
        self.joints.push((name.to_owned(), parent, place));
        self.joints.len() - 1
    }

    fn place(&self, joint: usize) -> Vec3 {
        self.joints[joint].2
    }

    fn find(&self, name: &str) -> usize {
        self.joints.iter().position(|(joint, ..)| joint == name).unwrap_or(0)
    }
}

/// Lengths of the parts of a body, in metres.
struct Build {
    height: f32,
    shoulders: f32,
    hips: f32,
    girth: f32,
    legs: f32,
    arms: f32,
    head: f32,
}

impl Build {
    fn draw(random: &mut ChaCha8Rng) -> Self {
        let height = random.random_range(1.45..1.98);
        Self {
            height,
            shoulders: height * random.random_range(0.095..0.125),
            hips: height * random.random_range(0.048..0.062),
            girth: random.random_range(0.85..1.3),
            legs: random.random_range(0.94..1.06),
            arms: random.random_range(0.93..1.07),
            head: height * random.random_range(0.060..0.070),
        }
    }
}

fn frame(build: &Build) -> Frame {
    let h = build.height;
    let at = |x: f32, y: f32, z: f32| Vec3::new(x, y * h, z * h);
    let mut frame = Frame { joints: Vec::new() };
    let hip = 0.52 * build.legs;
    let root = frame.add("Root", None, Vec3::ZERO);
    let pelvis = frame.add("pelvis", Some(root), at(0.0, hip + 0.02, 0.0));
    let low = frame.add("spine_01", Some(pelvis), at(0.0, hip + 0.07, 0.0));
    let middle = frame.add("spine_02", Some(low), at(0.0, hip + 0.135, 0.0));
    let high = frame.add("spine_03", Some(middle), at(0.0, hip + 0.20, 0.0));
    let neck = frame.add("neck_01", Some(high), at(0.0, hip + 0.305, -0.005));
    frame.add("head", Some(neck), at(0.0, hip + 0.345, 0.0));
    for (side, letter) in [(1.0, "l"), (-1.0, "r")] {
        let name = |joint: &str| format!("{joint}_{letter}");
        let clavicle = frame.add(&name("clavicle"), Some(high), at(side * 0.02, hip + 0.285, 0.0));
        let shoulder = Vec3::new(side * build.shoulders, (hip + 0.285) * h, 0.0);
        let way = Vec3::new(side * 0.7, -0.71, 0.08).normalised();
        let upper = frame.add(&name("upperarm"), Some(clavicle), shoulder);
        let elbow = shoulder + way * (0.165 * h * build.arms);
        let lower = frame.add(&name("lowerarm"), Some(upper), elbow);
        let wrist = elbow + Vec3::new(side * 0.66, -0.70, 0.26).normalised() * (0.15 * h * build.arms);
        let hand = frame.add(&name("hand"), Some(lower), wrist);
        let along = Vec3::new(side * 0.62, -0.72, 0.32).normalised();
        let across = Vec3::new(side * 0.25, 0.2, 0.95).normalised();
        for (finger, offset, reach) in [
            ("thumb", 1.4, 0.022),
            ("index", 0.75, 0.050),
            ("middle", 0.25, 0.052),
            ("ring", -0.25, 0.050),
            ("pinky", -0.75, 0.046),
        ] {
            let mut above = hand;
            let mut place = wrist + along * (reach * h) + across * (offset * 0.016 * h);
            let step = if finger == "thumb" { along + across * 0.6 } else { along };
            for part in 1..=3 {
                above = frame.add(&name(&format!("{finger}_0{part}")), Some(above), place);
                place += step * ((0.022 - 0.003 * part as f32) * h);
            }
        }
        let thigh = frame.add(&name("thigh"), Some(pelvis), Vec3::new(side * build.hips, hip * h, 0.0));
        let knee = Vec3::new(side * build.hips * 1.1, 0.535 * hip * h, 0.012 * h);
        let calf = frame.add(&name("calf"), Some(thigh), knee);
        let ankle = Vec3::new(side * build.hips * 1.15, 0.045 * h, -0.01 * h);
        let foot = frame.add(&name("foot"), Some(calf), ankle);
        frame.add(&name("ball"), Some(foot), ankle + Vec3::new(0.0, -0.03 * h, 0.075 * h));
    }
    frame
}

/// Joints of a plain body, for computed motions.
pub(crate) fn plain_skeleton() -> Result<Skeleton, String> {
    let build = Build { height: 1.75, shoulders: 0.19, hips: 0.095, girth: 1.0, legs: 1.0, arms: 1.0, head: 0.115 };
    Skeleton::new(frame(&build).joints)
}

fn material(name: &str, colour: [f32; 3], kind: Kind) -> Material {
    Material { name: name.into(), colour, texture: None, cutoff: None, double_sided: false, kind }
}

/// Colours and clothes.
struct Outfit {
    skin: Material,
    shirt: Material,
    legwear: Material,
    shoes: Material,
    hair: Material,
    white: Material,
    pupil: Material,
    mouth: Material,
    long_sleeves: bool,
    /// Long trousers, short ones or a skirt.
    legs: i32,
    hairdo: i32,
}

impl Outfit {
    fn draw(random: &mut ChaCha8Rng) -> Self {
        let tone = random.random_range(0.08..0.62f32);
        let skin = material("skin", hsv(random.random_range(0.35..0.6), 0.62 - 0.35 * tone, tone), Kind::Skin);
        let shirt = material("shirt", garment(random), Kind::Cloth);
        let legwear = material("trousers", garment(random), Kind::Cloth);
        let shoes = material("shoes", garment(random), Kind::Cloth);
        let hair = match random.random_range(0..8) {
            0 => vivid(random),
            _ => hsv(random.random_range(0.3..0.7), random.random_range(0.2..0.8), random.random_range(0.01..0.35)),
        };
        let hair = material("hair", hair, Kind::Hair);
        let white = material("eye white", [0.75; 3], Kind::Eye);
        let pupil = material("eye pupil", [0.02; 3], Kind::Eye);
        let mouth =
            material("skin mouth", [skin.colour[0] * 0.7, skin.colour[1] * 0.35, skin.colour[2] * 0.35], Kind::Skin);
        let long_sleeves = random.random_bool(0.5);
        let legs = random.random_range(0..3);
        let hairdo = random.random_range(0..5);
        Self { skin, shirt, legwear, shoes, hair, white, pupil, mouth, long_sleeves, legs, hairdo }
    }
}

/// Builds the parts one by one.
struct Sculpture<'a> {
    frame: &'a Frame,
    build: &'a Build,
    outfit: &'a Outfit,
    mesh: Mesh,
}

impl Sculpture<'_> {
    /// An ellipsoid around a point near joint `joint`.
    fn blob(&mut self, joint: &str, offset: Vec3, half: Vec3, material: &Material) {
        let index = self.frame.find(joint);
        let part = Mesh::ellipsoid(self.frame.place(index) + offset, half, material.clone(), index as u16, 10);
        self.mesh.append(&part);
    }

    /// A long ellipsoid from joint `from` to joint `to`, moved by `from`.
    fn limb(&mut self, from: &str, to: &str, radius: f32, material: &Material) {
        let (index, end) = (self.frame.find(from), self.frame.find(to));
        let (start, end) = (self.frame.place(index), self.frame.place(end));
        let half = Vec3::new(radius, (end - start).length() / 2.0 + radius * 0.75, radius);
        let mut part = Mesh::ellipsoid(Vec3::ZERO, half, material.clone(), index as u16, 8);
        let turn =
            Affine::from_parts(start.lerp(end, 0.5), Quat::between(-Vec3::UP, end - start), Vec3::new(1.0, 1.0, 1.0));
        part.positions.iter_mut().for_each(|point| *point = turn.point(*point));
        part.normals.iter_mut().for_each(|normal| *normal = turn.vector(*normal));
        self.mesh.append(&part);
    }

    fn trunk(&mut self) {
        let Outfit { skin, shirt, legwear, .. } = self.outfit;
        let Build { height: h, girth: g, shoulders: wide, hips, .. } = *self.build;
        self.blob("pelvis", Vec3::new(0.0, -0.005 * h, 0.0), Vec3::new(hips * 1.75, 0.075 * h, 0.062 * h * g), legwear);
        self.blob(
            "spine_01",
            Vec3::new(0.0, 0.02 * h, 0.0),
            Vec3::new(wide * 0.80 * g.min(1.1), 0.085 * h, 0.060 * h * g),
            shirt,
        );
        self.blob("spine_02", Vec3::new(0.0, 0.04 * h, 0.0), Vec3::new(wide * 0.86, 0.10 * h, 0.064 * h * g), shirt);
        self.blob("spine_03", Vec3::new(0.0, 0.035 * h, 0.0), Vec3::new(wide * 0.98, 0.085 * h, 0.066 * h * g), shirt);
        self.limb("neck_01", "head", 0.030 * h, skin);
    }

    fn skirt(&mut self) {
        let Build { height: h, hips, .. } = *self.build;
        let half = Vec3::new(hips * 2.2, 0.11 * h, 0.095 * h);
        self.blob("pelvis", Vec3::new(0.0, -0.07 * h, 0.0), half, &self.outfit.legwear);
    }

    fn head(&mut self) {
        let Outfit { skin, shoes, hair, white, pupil, mouth, hairdo, .. } = self.outfit;
        let r = self.build.head;
        let up = |x: f32, y: f32, z: f32| Vec3::new(x * r, y * r, z * r);
        self.blob("head", up(0.0, 0.95, 0.08), up(0.78, 1.08, 0.92), skin);
        self.blob("head", up(0.0, 0.70, 0.98), up(0.13, 0.22, 0.18), skin);
        self.blob("head", up(0.0, 0.33, 0.83), up(0.25, 0.06, 0.06), mouth);
        for side in [1.0, -1.0] {
            self.blob("head", up(side * 0.31, 0.98, 0.87), up(0.15, 0.10, 0.08), white);
            self.blob("head", up(side * 0.31, 0.98, 0.93), up(0.065, 0.07, 0.05), pupil);
            self.blob("head", up(side * 0.31, 1.20, 0.88), up(0.18, 0.035, 0.05), hair);
            self.blob("head", up(side * 0.78, 0.82, 0.02), up(0.10, 0.20, 0.14), skin);
        }
        if *hairdo > 0 {
            self.blob("head", up(0.0, 1.28, -0.12), up(0.85, 0.88, 0.92), hair);
        }
        match hairdo {
            2 => self.blob("head", up(0.0, 1.9, -0.75), up(0.38, 0.38, 0.38), hair),
            3 => self.blob("head", up(0.0, 0.45, -0.55), up(0.86, 1.15, 0.5), hair),
            4 => self.blob("head", up(0.0, 1.45, 0.05), up(1.35, 0.16, 1.45), shoes),
            _ => {}
        }
    }

    fn arm(&mut self, side: Side) {
        let Outfit { skin, shirt, long_sleeves, .. } = self.outfit;
        let Build { height: h, girth: g, .. } = *self.build;
        let name = |joint: &str| format!("{joint}_{}", letter(side));
        let sleeve = if *long_sleeves { shirt } else { skin };
        self.blob(&name("upperarm"), Vec3::ZERO, Vec3::new(0.036 * h, 0.036 * h, 0.036 * h) * g.min(1.15), shirt);
        self.limb(&name("upperarm"), &name("lowerarm"), 0.029 * h * g.min(1.15), shirt);
        self.limb(&name("lowerarm"), &name("hand"), 0.023 * h * g.min(1.1), sleeve);
        self.limb(&name("hand"), &name("middle_01"), 0.021 * h, skin);
        for finger in ["thumb", "index", "middle", "ring", "pinky"] {
            for part in 1..=2 {
                self.limb(
                    &name(&format!("{finger}_0{part}")),
                    &name(&format!("{finger}_0{}", part + 1)),
                    0.0068 * h,
                    skin,
                );
            }
            self.blob(&name(&format!("{finger}_03")), Vec3::ZERO, Vec3::new(0.008 * h, 0.008 * h, 0.008 * h), skin);
        }
    }

    fn leg(&mut self, side: Side) {
        let Outfit { skin, legwear, shoes, legs, .. } = self.outfit;
        let Build { height: h, girth: g, .. } = *self.build;
        let name = |joint: &str| format!("{joint}_{}", letter(side));
        let shin = if *legs == 0 { legwear } else { skin };
        self.limb(&name("thigh"), &name("calf"), 0.043 * h * g.min(1.2), legwear);
        self.limb(&name("calf"), &name("foot"), 0.030 * h * g.min(1.15), shin);
        self.blob(
            &name("foot"),
            Vec3::new(0.0, -0.018 * h, 0.03 * h),
            Vec3::new(0.027 * h, 0.027 * h, 0.062 * h),
            shoes,
        );
        self.blob(
            &name("ball"),
            Vec3::new(0.0, 0.004 * h, 0.01 * h),
            Vec3::new(0.027 * h, 0.018 * h, 0.042 * h),
            shoes,
        );
    }
}

/// The suffix of the joint names of a side.
fn letter(side: Side) -> &'static str {
    if side == Side::Left { "l" } else { "r" }
}

/// The person for `seed`.
pub(crate) fn mannequin(seed: u64) -> Result<Character, String> {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x6d61_6e6e_6571_7569);
    let build = Build::draw(&mut random);
    let frame = frame(&build);
    let outfit = Outfit::draw(&mut random);
    let mut body = Sculpture { frame: &frame, build: &build, outfit: &outfit, mesh: Mesh::default() };
    body.trunk();
    body.head();
    for side in Side::BOTH {
        body.arm(side);
        body.leg(side);
    }
    if outfit.legs == 2 {
        body.skirt();
    }
    let skeleton = Skeleton::new(frame.joints.iter().cloned())?;
    Character::new(format!("{seed}"), "mannequin".into(), skeleton, body.mesh)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_gives_a_person_on_the_floor() {
        for seed in 0..40 {
            let person = mannequin(seed).unwrap();
            let (low, _) = person.mesh().bounds();
            assert!(low.y.abs() < 1e-4, "seed {seed}: {low:?}");
            assert!((1.3..2.2).contains(&person.height()), "seed {seed}: {}", person.height());
            assert!(Side::BOTH.iter().all(|&side| !person.skeleton().finger(side, 1).is_empty()));
            assert_eq!(person.landmarks().hands[0].len(), 21);
        }
    }

    #[test]
    fn seeds_differ() {
        let heights: Vec<f32> = (0..5).map(|seed| mannequin(seed).unwrap().height()).collect();
        assert!(heights.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
