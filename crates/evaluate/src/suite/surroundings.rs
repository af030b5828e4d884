//! Prepares the surroundings that methods get from a video whose own person is the ground truth: the video's own
//! surroundings, those of the reference picture, or one plain colour.

use draft::hole::hole;
use draft::plate::fill;
use media::picture::{Mask, Picture};

use super::definition::{Environment, SuiteDefinition};
use crate::case::{Case, DrivingClip, Reference, Trial, Truth};

/// A video with its signals.
pub(super) struct Shown {
    /// Suite and video.
    pub(super) name: String,
    /// All frames that were read.
    pub(super) clip: DrivingClip,
    /// Which of them is the reference.
    pub(super) reference: usize,
}

/// The trial. With surroundings other than the video's own a method sees nothing of its frames but masks and poses.
pub(super) fn trial(shown: Shown, definition: &SuiteDefinition) -> Trial {
    let Shown { name, mut clip, reference } = shown;
    let mut reference = Reference {
        picture: clip.frames[reference].clone(),
        mask: clip.persons[reference].clone(),
        pose: clip.poses[reference].clone(),
    };
    if definition.frames > 0 {
        clip.frames.truncate(definition.frames);
        clip.persons.truncate(definition.frames);
        clip.poses.truncate(definition.frames);
        clip.objects.truncate(definition.frames);
    }
    let colour = definition.colour.unwrap_or_default();
    let case = match definition.environment {
        Environment::Own => Case::new(name, clip.clone(), vec![reference]),
        Environment::Reference => {
            let background = fill(&reference.picture, &hole(&reference.mask, &[]));
            Case::on_canvas(name, background, clip.persons.clone(), clip.poses.clone(), vec![reference])
        }
        Environment::Uniform => {
            reference.picture = over_colour(&reference.picture, &reference.mask, colour);
            let pairs = clip.frames.iter().zip(&clip.persons);
            clip.frames = pairs.map(|(frame, person)| over_colour(frame, person, colour)).collect();
            clip.objects = Vec::new();
            let (width, height) = reference.picture.size();
            let background = Picture::filled(width, height, colour);
            Case::on_canvas(name, background, clip.persons.clone(), clip.poses.clone(), vec![reference])
        }
    };
    let holes = clip.persons.iter().enumerate().map(|(index, person)| {
        let objects = clip.objects.get(index).map_or(&[][..], std::slice::from_ref);
        hole(person, objects)
    });
    let truth = Truth {
        holes: holes.collect(),
        frames: clip.frames,
        persons: clip.persons,
        poses: clip.poses,
        objects: clip.objects,
    };
    Trial::new(case, truth)
}

/// The person of a frame over one colour.
fn over_colour(frame: &Picture, person: &Mask, colour: [u8; 3]) -> Picture {
    Picture::from_fn(frame.width(), frame.height(), |x, y| {
        let (shown, coverage) = (frame.get(x, y), u32::from(person.get(x, y)));
        std::array::from_fn(|channel| {
            let sum = u32::from(shown[channel]) * coverage + u32::from(colour[channel]) * (255 - coverage);
            ((sum + 127) / 255) as u8
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two frames of 32x32 pixels, levels 50 and 60, with a person of level 200 that moves to the right.
    fn shown() -> Shown {
        let person = |from: usize| Mask::from_fn(32, 32, |x, _| if (from..from + 6).contains(&x) { 255 } else { 0 });
        let persons = vec![person(4), person(20)];
        let frame = |person: &Mask, level: u8| {
            Picture::from_fn(32, 32, |x, y| [if person.get(x, y) > 0 { 200 } else { level }; 3])
        };
        let frames = vec![frame(&persons[0], 50), frame(&persons[1], 60)];
        let clip = DrivingClip { frames, persons, poses: vec![None; 2], objects: vec![] };
        Shown { name: "test".into(), clip, reference: 0 }
    }

    fn definition(change: &str) -> SuiteDefinition {
        let text = format!(
            "name = 'a'\ntitle = 'a'\nsource = 'videos'\nclips = 1\nframes = 2\nsize = 0\nrivals = ['still']\n\
             methods = []\n{change}"
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn the_reference_s_background_holds_neither_person() {
        let trial = trial(shown(), &definition("environment = 'reference'"));
        assert!(trial.case.is_canvas());
        for frame in &trial.case.frames {
            assert!(frame.cells().iter().all(|cell| cell[0].abs_diff(50) < 3), "{frame:?}");
        }
        assert_eq!(trial.case.plates(), trial.case.frames);
        assert_eq!(trial.truth.frames, shown().clip.frames);
        assert_eq!(trial.case.references[0].picture, shown().clip.frames[0]);
    }

    #[test]
    fn one_colour_is_in_truth_reference_and_surroundings() {
        let trial = trial(shown(), &definition("environment = 'uniform'\ncolour = [1, 2, 3]"));
        assert_eq!(trial.case.frames[1], Picture::filled(32, 32, [1, 2, 3]));
        let (truth, reference) = (&trial.truth.frames[1], &trial.case.references[0].picture);
        assert_eq!([truth.get(0, 0), truth.get(22, 5)], [[1, 2, 3], [200; 3]]);
        assert_eq!([reference.get(22, 0), reference.get(5, 5)], [[1, 2, 3], [200; 3]]);
    }

    #[test]
    fn its_own_surroundings_are_the_video() {
        let trial = trial(shown(), &definition("reference-frame = 1"));
        assert!(!trial.case.is_canvas());
        assert_eq!(trial.case.frames, trial.truth.frames);
    }
}
