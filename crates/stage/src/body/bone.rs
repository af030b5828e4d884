//! Defines the joints of a human body, and maps the joint names of modelling programs to them (MakeHuman and Unreal,
//! Quaternius, KayKit, Mixamo, VRM).

use crate::side::Side;

/// The joints that motions move, except fingers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(usize)]
pub(crate) enum Bone {
    Pelvis,
    LowerSpine,
    MiddleSpine,
    UpperSpine,
    Neck,
    Head,
    LeftClavicle,
    LeftUpperArm,
    LeftLowerArm,
    LeftHand,
    RightClavicle,
    RightUpperArm,
    RightLowerArm,
    RightHand,
    LeftThigh,
    LeftCalf,
    LeftFoot,
    LeftToes,
    RightThigh,
    RightCalf,
    RightFoot,
    RightToes,
}

use Bone::*;

impl Bone {
    /// Number of bones.
    pub(crate) const COUNT: usize = 22;
    /// All bones, parents before children.
    pub(crate) const ALL: [Self; Self::COUNT] = [
        Pelvis,
        LowerSpine,
        MiddleSpine,
        UpperSpine,
        Neck,
        Head,
        LeftClavicle,
        LeftUpperArm,
        LeftLowerArm,
        LeftHand,
        RightClavicle,
        RightUpperArm,
        RightLowerArm,
        RightHand,
        LeftThigh,
        LeftCalf,
        LeftFoot,
        LeftToes,
        RightThigh,
        RightCalf,
        RightFoot,
        RightToes,
    ];
    /// The bones that a skeleton needs in order to act.
    pub(crate) const NEEDED: [Self; 14] = [
        Pelvis,
        Head,
        LeftUpperArm,
        LeftLowerArm,
        LeftHand,
        RightUpperArm,
        RightLowerArm,
        RightHand,
        LeftThigh,
        LeftCalf,
        LeftFoot,
        RightThigh,
        RightCalf,
        RightFoot,
    ];

    /// The bone above it.
    pub(crate) fn parent(self) -> Option<Self> {
        Some(match self {
            Pelvis => return None,
            LowerSpine | LeftThigh | RightThigh => Pelvis,
            MiddleSpine => LowerSpine,
            UpperSpine => MiddleSpine,
            Neck | LeftClavicle | RightClavicle => UpperSpine,
            Head => Neck,
            LeftUpperArm => LeftClavicle,
            LeftLowerArm => LeftUpperArm,
            LeftHand => LeftLowerArm,
            RightUpperArm => RightClavicle,
            RightLowerArm => RightUpperArm,
            RightHand => RightLowerArm,
            LeftCalf => LeftThigh,
            LeftFoot => LeftCalf,
            LeftToes => LeftFoot,
            RightCalf => RightThigh,
            RightFoot => RightCalf,
            RightToes => RightFoot,
        })
    }

    /// The same joint of the other side.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            LeftClavicle => RightClavicle,
            LeftUpperArm => RightUpperArm,
            LeftLowerArm => RightLowerArm,
            LeftHand => RightHand,
            LeftThigh => RightThigh,
            LeftCalf => RightCalf,
            LeftFoot => RightFoot,
            LeftToes => RightToes,
            RightClavicle => LeftClavicle,
            RightUpperArm => LeftUpperArm,
            RightLowerArm => LeftLowerArm,
            RightHand => LeftHand,
            RightThigh => LeftThigh,
            RightCalf => LeftCalf,
            RightFoot => LeftFoot,
            RightToes => LeftToes,
            middle => middle,
        }
    }

    /// The hand of a side.
    pub(crate) fn hand(side: Side) -> Self {
        match side {
            Side::Left => LeftHand,
            Side::Right => RightHand,
        }
    }
}

/// The meaning of a joint's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A joint that motions move.
    Body(Bone),
    /// A finger joint: side and finger (0 thumb ... 4 little). The hierarchy gives its order along the finger.
    Finger(Side, usize),
}

/// Parses a joint's name; `None` for helpers, ends, hair and the like.
pub(crate) fn meaning_of(name: &str) -> Option<Meaning> {
    let lower = separate_words(name);
    let rigify = lower.starts_with("def");
    let mut side = None;
    let mut base = String::new();
    for word in lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        match word {
            "l" | "left" => side = Some(Side::Left),
            "r" | "right" => side = Some(Side::Right),
            "mixamorig" | "bip" | "bip01" | "j" | "c" | "def" | "armature" | "bone" => {}
            "end" | "tip" | "ik" | "nub" | "leaf" | "twist" | "pole" | "target" | "roll" => return None,
            word => base.push_str(word),
        }
    }
    let sided = |left: Bone| match side {
        Some(Side::Left) => Some(Meaning::Body(left)),
        Some(Side::Right) => Some(Meaning::Body(left.mirrored())),
        None => None,
    };
    let middle = |bone: Bone| if side.is_none() { Some(Meaning::Body(bone)) } else { None };
    match base.as_str() {
        // Rigify's trunk is one numbered chain that starts at the hips.
        "spine" | "spine001" | "spine002" | "spine003" | "spine004" | "spine006" if rigify => {
            middle(match base.as_str() {
                "spine" => Pelvis,
                "spine001" => LowerSpine,
                "spine002" => MiddleSpine,
                "spine003" => UpperSpine,
                "spine004" => Neck,
                _ => Head,
            })
        }
        "pelvis" | "hips" | "hip" => middle(Pelvis),
        "spine01" | "spine" | "abdomen" | "lowerback" => middle(LowerSpine),
        "spine02" | "spine1" | "torso" => middle(MiddleSpine),
        "spine03" | "spine2" | "chest" | "upperchest" | "thorax" => middle(UpperSpine),
        "neck" | "neck01" | "neck1" => middle(Neck),
        "head" => middle(Head),
        "clavicle" | "shoulder" => sided(LeftClavicle),
        "upperarm" | "arm" | "upperarm01" => sided(LeftUpperArm),
        "lowerarm" | "forearm" | "lowerarm01" => sided(LeftLowerArm),
        "hand" | "wrist" => sided(LeftHand),
        "thigh" | "upperleg" | "upleg" | "upperleg01" => sided(LeftThigh),
        "calf" | "lowerleg" | "leg" | "shin" | "lowerleg01" => sided(LeftCalf),
        "foot" | "ankle" => sided(LeftFoot),
        "ball" | "toes" | "toe" | "toebase" | "toe0" => sided(LeftToes),
        finger => {
            let finger = finger.strip_prefix("hand").unwrap_or(finger);
            let order = [("thumb", 0), ("index", 1), ("middle", 2), ("ring", 3), ("pinky", 4), ("little", 4)];
            // 3ds Max numbers the fingers from the thumb: `Finger0`, `Finger01`, `Finger1`, ...
            let numbered = finger.strip_prefix("finger").and_then(|number| number.chars().next()?.to_digit(10));
            let named = || order.into_iter().find(|(prefix, _)| finger.starts_with(prefix)).map(|(_, finger)| finger);
            let finger = match numbered {
                Some(number @ 0..=4) => number as usize,
                _ => named()?,
            };
            side.map(|side| Meaning::Finger(side, finger))
        }
    }
}

/// Lower case, with blanks before capitals: `LeftUpLeg` becomes `left up leg`.
fn separate_words(name: &str) -> String {
    let mut out = String::new();
    let mut last_was_lower = false;
    for letter in name.chars() {
        if letter.is_uppercase() && last_was_lower {
            out.push(' ');
        }
        last_was_lower = letter.is_lowercase() || letter.is_ascii_digit();
        out.extend(letter.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_five_programs_are_understood() {
        let body = |name: &str, bone: Bone| assert_eq!(meaning_of(name), Some(Meaning::Body(bone)), "{name}");
        body("pelvis", Pelvis);
        body("spine_03", UpperSpine);
        body("upperarm_l", LeftUpperArm);
        body("ball_r", RightToes);
        body("UpperArm.L", LeftUpperArm);
        body("Shoulder.R", RightClavicle);
        body("Abdomen", LowerSpine);
        body("mixamorig:LeftForeArm", LeftLowerArm);
        body("mixamorig:RightUpLeg", RightThigh);
        body("mixamorig:LeftToeBase", LeftToes);
        body("J_Bip_L_UpperArm", LeftUpperArm);
        body("J_Bip_C_Hips", Pelvis);
        body("lowerleg.r", RightCalf);
        body("Bip01 L Calf", LeftCalf);
        body("Bip01 R Toe0", RightToes);
        body("DEF-spine.003", UpperSpine);
        body("DEF-spine", Pelvis);
        body("DEF-upper_arm.R", RightUpperArm);
        body("upperleg01.L", LeftThigh);
        body("leftUpperLeg", LeftThigh);
        body("upperChest", UpperSpine);
        assert_eq!(meaning_of("Bip01 R Finger01"), Some(Meaning::Finger(Side::Right, 0)));
        assert_eq!(meaning_of("leftLittleDistal"), Some(Meaning::Finger(Side::Left, 4)));
        assert_eq!(meaning_of("index_02_l"), Some(Meaning::Finger(Side::Left, 1)));
        assert_eq!(meaning_of("mixamorig:RightHandPinky1"), Some(Meaning::Finger(Side::Right, 4)));
        for helper in ["Head_end", "Index4.L_end", "Root", "upperarm_twist_01_l", "ik_foot_l", "PoleTarget.L"] {
            assert_eq!(meaning_of(helper), None, "{helper}");
        }
    }

    #[test]
    fn parents_come_first_and_mirrors_return() {
        for (index, bone) in Bone::ALL.into_iter().enumerate() {
            assert_eq!(bone as usize, index);
            assert_eq!(bone.mirrored().mirrored(), bone);
            assert!(bone.parent().is_none_or(|parent| (parent as usize) < index));
        }
    }
}
