//! Defines the fourteen rigid parts of a body, and the chains that they form.

use perception::pose::Joint;

/// A part of the body. Right and left are the person's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(usize)]
#[expect(missing_docs, reason = "each name says which part it is")]
pub enum Part {
    Trunk,
    Head,
    RightUpperArm,
    RightForearm,
    RightHand,
    LeftUpperArm,
    LeftForearm,
    LeftHand,
    RightThigh,
    RightShin,
    RightFoot,
    LeftThigh,
    LeftShin,
    LeftFoot,
}

impl Part {
    /// Number of parts.
    pub const COUNT: usize = 14;
    /// All parts, by index.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Trunk,
        Self::Head,
        Self::RightUpperArm,
        Self::RightForearm,
        Self::RightHand,
        Self::LeftUpperArm,
        Self::LeftForearm,
        Self::LeftHand,
        Self::RightThigh,
        Self::RightShin,
        Self::RightFoot,
        Self::LeftThigh,
        Self::LeftShin,
        Self::LeftFoot,
    ];

    /// The chain that the part belongs to.
    pub fn chain(self) -> Chain {
        match self {
            Self::Trunk => Chain::Trunk,
            Self::Head => Chain::Head,
            Self::RightUpperArm | Self::RightForearm | Self::RightHand => Chain::RightArm,
            Self::LeftUpperArm | Self::LeftForearm | Self::LeftHand => Chain::LeftArm,
            Self::RightThigh | Self::RightShin | Self::RightFoot => Chain::RightLeg,
            Self::LeftThigh | Self::LeftShin | Self::LeftFoot => Chain::LeftLeg,
        }
    }

    /// The same part on the body's other side.
    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::Trunk | Self::Head => self,
            Self::RightUpperArm => Self::LeftUpperArm,
            Self::RightForearm => Self::LeftForearm,
            Self::RightHand => Self::LeftHand,
            Self::LeftUpperArm => Self::RightUpperArm,
            Self::LeftForearm => Self::RightForearm,
            Self::LeftHand => Self::RightHand,
            Self::RightThigh => Self::LeftThigh,
            Self::RightShin => Self::LeftShin,
            Self::RightFoot => Self::LeftFoot,
            Self::LeftThigh => Self::RightThigh,
            Self::LeftShin => Self::RightShin,
            Self::LeftFoot => Self::RightFoot,
        }
    }

    /// The usual half width, in lengths of the trunk.
    pub fn usual_radius(self) -> f32 {
        match self {
            Self::Trunk => 0.12,
            Self::Head => 0.26,
            Self::RightUpperArm | Self::LeftUpperArm => 0.12,
            Self::RightForearm | Self::LeftForearm => 0.10,
            Self::RightHand | Self::LeftHand => 0.11,
            Self::RightThigh | Self::LeftThigh => 0.18,
            Self::RightShin | Self::LeftShin => 0.12,
            Self::RightFoot | Self::LeftFoot => 0.11,
        }
    }

    /// Joints at the two ends of a limb's part. None for trunk, head, hands and feet, which have their own points.
    pub(crate) fn joints(self) -> Option<(Joint, Joint)> {
        Some(match self {
            Self::RightUpperArm => (Joint::RightShoulder, Joint::RightElbow),
            Self::RightForearm => (Joint::RightElbow, Joint::RightWrist),
            Self::LeftUpperArm => (Joint::LeftShoulder, Joint::LeftElbow),
            Self::LeftForearm => (Joint::LeftElbow, Joint::LeftWrist),
            Self::RightThigh => (Joint::RightHip, Joint::RightKnee),
            Self::RightShin => (Joint::RightKnee, Joint::RightAnkle),
            Self::LeftThigh => (Joint::LeftHip, Joint::LeftKnee),
            Self::LeftShin => (Joint::LeftKnee, Joint::LeftAnkle),
            _ => return None,
        })
    }
}

/// Connected parts that are drawn as one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(usize)]
#[expect(missing_docs, reason = "each name says which chain it is")]
pub enum Chain {
    Trunk,
    Head,
    RightArm,
    LeftArm,
    RightLeg,
    LeftLeg,
}

impl Chain {
    /// All chains. Among chains of equal depth, later ones lie in front.
    pub const ALL: [Self; 6] = [Self::LeftLeg, Self::RightLeg, Self::Trunk, Self::Head, Self::LeftArm, Self::RightArm];

    /// The same chain on the body's other side.
    pub(crate) fn opposite(self) -> Self {
        self.parts()[0].opposite().chain()
    }

    /// The parts of the chain, from the trunk outwards.
    pub fn parts(self) -> &'static [Part] {
        match self {
            Self::Trunk => &[Part::Trunk],
            Self::Head => &[Part::Head],
            Self::RightArm => &[Part::RightUpperArm, Part::RightForearm, Part::RightHand],
            Self::LeftArm => &[Part::LeftUpperArm, Part::LeftForearm, Part::LeftHand],
            Self::RightLeg => &[Part::RightThigh, Part::RightShin, Part::RightFoot],
            Self::LeftLeg => &[Part::LeftThigh, Part::LeftShin, Part::LeftFoot],
        }
    }
}
