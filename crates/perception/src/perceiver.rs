//! Turns frames into signals: computes one person's points and mask for each frame, in order, in constant memory.

use std::path::{Path, PathBuf};

use media::geometry::Pts;
use media::picture::{Mask, Picture};

use crate::error::Error;
use crate::networks::blazepose::body::{BodyEstimate, BodyNetwork, pose_from_body_points};
use crate::networks::blazepose::detector::Detector;
use crate::networks::blazepose::face::FaceNetwork;
use crate::networks::blazepose::hand::{HandNetwork, Side};
use crate::networks::blazepose::selfie::SelfieNetwork;
use crate::person::extremities::{Extremity, Glance, follow_face, follow_hand};
use crate::person::mask_steadiness::MaskSteadiness;
use crate::person::one_euro::{PointSmoother, Smoothing};
use crate::person::person_mask::{coarse_mask, mask_at_frame_size};
use crate::person::rotated_roi::RotatedRoi;
use crate::person::scene_cut::SceneCut;
use crate::person::tracker::{PersonChoice, Sighting, Tracker};
use crate::pose::{Keypoint, Pose};

/// Hands and faces in regions smaller than this show too little, in frame pixels.
const LEAST_SIDES: (f32, f32) = (24.0, 12.0);
/// The same with `Effort::Quick`.
const QUICK_LEAST_SIDES: (f32, f32) = (48.0, 36.0);
/// With `Effort::Quick`, each frame looks at only one of right hand, left hand and face.
const QUICK_TURNS: usize = 3;
/// Longest side of the picture in which the mask's edge is fitted, in pixels.
const WORKING_SIDE: f32 = 384.0;
/// The same with `Effort::Quick`.
const QUICK_WORKING_SIDE: f32 = 160.0;

/// The `.tflite` files of the networks.
#[derive(Debug, Clone)]
pub struct PersonModels {
    /// `pose_detection.tflite`.
    pub detector: PathBuf,
    /// `pose_landmark_lite.tflite`, `_full` or `_heavy`.
    pub landmarks: PathBuf,
    /// `hand_landmark_lite.tflite` or `_full`; without it there are no hand points.
    pub hand: Option<PathBuf>,
    /// `face_landmark.tflite`; without it there are no face points.
    pub face: Option<PathBuf>,
    /// `selfie_segmentation.tflite`; without it mask edges are rougher.
    pub selfie: Option<PathBuf>,
}

impl PersonModels {
    /// The networks in a folder, under their usual names: the full body network, and the lite hand network if present,
    /// else the full one.
    pub fn in_folder(folder: &Path) -> Self {
        let file = |name: &str| folder.join(name);
        let optional = |name: &str| Some(file(name)).filter(|path| path.exists());
        Self {
            detector: file("pose_detection.tflite"),
            landmarks: file("pose_landmark_full.tflite"),
            hand: optional("hand_landmark_lite.tflite").or_else(|| optional("hand_landmark_full.tflite")),
            face: optional("face_landmark.tflite"),
            selfie: optional("selfie_segmentation.tflite"),
        }
    }
}

/// The effort of perception.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Effort {
    /// Hands, face and mask edges in every frame.
    #[default]
    Full,
    /// Searches hands and face in turns, if they are large; between searches, they move with wrist or nose. Mask edges
    /// are computed at a smaller size and without the selfie network.
    Quick,
}

/// Settings of a [`Perceiver`].
#[derive(Debug, Clone, PartialEq)]
pub struct PerceiverConfig {
    /// The person to follow; without it the largest and most central one.
    pub person: Option<PersonChoice>,
    /// Smoothing of points over time; `None` = unsmoothed.
    pub smoothing: Option<Smoothing>,
    /// Stabilise the mask where the picture is static.
    pub steady_mask: bool,
    /// The effort of perception.
    pub effort: Effort,
}

impl Default for PerceiverConfig {
    fn default() -> Self {
        Self { person: None, smoothing: Some(Smoothing::default()), steady_mask: true, effort: Effort::Full }
    }
}

/// A warning about a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// Nobody was seen.
    NoPerson,
    /// No person is at the chosen point at its time, so the most prominent person was chosen.
    NobodyAtPoint,
}

impl Warning {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::NoPerson => "perception.no_person",
            Self::NobodyAtPoint => "perception.nobody_at_point",
        }
    }

    /// The message without the frame.
    pub fn message(self) -> &'static str {
        match self {
            Self::NoPerson => "no person was found",
            Self::NobodyAtPoint => "no person is at the chosen point, so the most prominent person is used",
        }
    }
}

/// What perception found in one frame.
#[derive(Debug, Clone)]
pub struct PerceivedFrame {
    /// The person's points in frame pixels, if one was seen.
    pub pose: Option<Pose>,
    /// The person's mask at frame size, 255 = person; all 0 if nobody was seen.
    pub person: Mask,
    /// The region of the body network, if a person was seen.
    pub region: Option<RotatedRoi>,
    /// True when this person is not the person of the previous frame.
    pub is_new: bool,
    /// Number of persons that the detector found; `None` when it did not run.
    pub detections: Option<usize>,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
}

/// The networks, and their memory of previous frames.
pub struct Perceiver {
    follower: Follower,
    closer: Closer,
}

/// The first stage finds the body. It needs the previous frame.
pub(crate) struct Follower {
    tracker: Tracker,
    cut: SceneCut,
}

/// The second stage finds hands, face and mask of that body.
pub(crate) struct Closer {
    hand: Option<HandNetwork>,
    face: Option<FaceNetwork>,
    selfie: Option<SelfieNetwork>,
    config: PerceiverConfig,
    points: PointSmoother,
    right_hand: Extremity,
    left_hand: Extremity,
    face_place: Extremity,
    steadiness: MaskSteadiness,
    /// Number of frames with this person so far.
    age: usize,
}

impl Perceiver {
    /// Loads the networks.
    ///
    /// # Errors
    /// [`Error::ModelUnreadable`], [`Error::ModelMalformed`], [`Error::ModelUnsupported`], [`Error::ModelMismatched`],
    /// [`Error::ModelFailed`].
    pub fn open(models: &PersonModels, config: PerceiverConfig) -> Result<Self, Error> {
        let (detector, body) = (Detector::open(&models.detector)?, BodyNetwork::open(&models.landmarks)?);
        let selfie = models.selfie.as_deref().filter(|_| config.effort == Effort::Full);
        let closer = Closer {
            hand: models.hand.as_deref().map(HandNetwork::open).transpose()?,
            face: models.face.as_deref().map(FaceNetwork::open).transpose()?,
            selfie: selfie.map(SelfieNetwork::open).transpose()?,
            points: PointSmoother::default(),
            right_hand: Extremity::default(),
            left_hand: Extremity::default(),
            face_place: Extremity::default(),
            steadiness: MaskSteadiness::default(),
            age: 0,
            config,
        };
        let tracker = Tracker::new(detector, body, closer.config.person);
        Ok(Self { follower: Follower { tracker, cut: SceneCut::default() }, closer })
    }

    /// Processes the next frame. Frames come in order of time. Many frames are faster through
    /// [`crate::stream::perceive_frames`].
    ///
    /// # Errors
    /// [`Error::FrameEmpty`], [`Error::ModelFailed`].
    pub fn push(&mut self, picture: &Picture, at: Pts) -> Result<PerceivedFrame, Error> {
        let sighting = self.follower.follow(picture, at)?;
        self.closer.look(picture, at, sighting)
    }

    /// The two stages, to run on separate threads.
    pub(crate) fn stages(&mut self) -> (&mut Follower, &mut Closer) {
        (&mut self.follower, &mut self.closer)
    }
}

impl Follower {
    /// Finds the body in the next frame.
    pub(crate) fn follow(&mut self, picture: &Picture, at: Pts) -> Result<Sighting, Error> {
        let (width, height) = picture.size();
        if width == 0 || height == 0 {
            return Err(Error::FrameEmpty { width, height });
        }
        if self.cut.happened(picture) {
            self.tracker.forget();
        }
        self.tracker.follow(picture, at)
    }
}

impl Closer {
    /// Finds hands, face and mask of the body in the next frame.
    pub(crate) fn look(&mut self, picture: &Picture, at: Pts, sighting: Sighting) -> Result<PerceivedFrame, Error> {
        let mut warnings = Vec::new();
        if sighting.missed_choice {
            warnings.push(Warning::NobodyAtPoint);
        }
        let (is_new, detections) = (sighting.is_new, sighting.detections);
        if is_new || sighting.estimate.is_none() {
            self.forget();
        }
        let Some(body) = sighting.estimate else {
            warnings.push(Warning::NoPerson);
            let person = Mask::filled(picture.width(), picture.height(), 0);
            return Ok(PerceivedFrame { pose: None, person, region: None, is_new, detections, warnings });
        };
        let pose = Some(self.pose(picture, at, &body)?);
        let person = self.person(picture, &body)?;
        self.age += 1;
        Ok(PerceivedFrame { pose, person, region: Some(body.region), is_new, detections, warnings })
    }

    fn forget(&mut self) {
        self.age = 0;
        self.points.reset();
        self.right_hand.reset();
        self.left_hand.reset();
        self.face_place.reset();
        self.steadiness.reset();
    }

    fn pose(&mut self, picture: &Picture, at: Pts, body: &BodyEstimate) -> Result<Pose, Error> {
        let smoothing = self.config.smoothing.as_ref();
        let mut points: [Keypoint; _] = body.points;
        if let Some(smoothing) = smoothing {
            self.points.smooth(&mut points, at, body.region.side, smoothing);
        }
        let mut pose = pose_from_body_points(&points);
        let frame = (picture, at);
        let (hands, faces) = match self.config.effort {
            Effort::Full => LEAST_SIDES,
            Effort::Quick => QUICK_LEAST_SIDES,
        };
        let is_due = |turn: usize| self.config.effort == Effort::Full || self.age % QUICK_TURNS == turn;
        let glance = |least_side: f32, turn: usize| Glance { least_side, is_due: is_due(turn) };
        let [right, left, face] = [glance(hands, 0), glance(hands, 1), glance(faces, 2)];
        if let Some(network) = &self.hand {
            let (right_hand, left_hand) = (&mut self.right_hand, &mut self.left_hand);
            pose.right_hand = follow_hand(right_hand, network, Side::Right, frame, body, smoothing, right)?;
            pose.left_hand = follow_hand(left_hand, network, Side::Left, frame, body, smoothing, left)?;
        }
        if let Some(network) = &self.face {
            pose.face = follow_face(&mut self.face_place, network, frame, body, smoothing, face)?;
        }
        Ok(pose)
    }

    fn person(&mut self, picture: &Picture, body: &BodyEstimate) -> Result<Mask, Error> {
        let selfie = self.selfie.as_ref().map(|network| network.estimate(&body.shown)).transpose()?;
        let coarse = coarse_mask(body, selfie.as_ref());
        let working_side = if self.config.effort == Effort::Full { WORKING_SIDE } else { QUICK_WORKING_SIDE };
        let mask = mask_at_frame_size(picture, &body.region, &coarse, working_side);
        Ok(if self.config.steady_mask { self.steadiness.steady(picture, mask) } else { mask })
    }
}

#[cfg(test)]
mod tests;
