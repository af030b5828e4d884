//! Cuts the figure out of pictures that networks generated in front of a plain background.

use draft::warp::Warp;
use fetch::Store;
use media::image_file::load_picture;
use perception::composite::layer_in_frame;
use perception::person::cut_out::CutOutNetworks;
use perception::person::foreground::{extended, without_background};
use perception::person::ground::unlike_ground;

use super::work::Work;
use crate::character::cut_out_networks;
use crate::error::Error;
use crate::events::Events;

/// Pixels by which colours extend beyond the figure's edge, so that resampling never meets the ground.
const REACH: usize = 8;

/// Cuts out the generated figures of a video.
pub(super) struct Figures {
    /// None if they cannot be had. Then colour decides, which a plain ground allows.
    networks: Option<CutOutNetworks>,
    /// Generated frames in which nothing stood out.
    missing: usize,
}

impl Figures {
    /// Loads the networks that cut people out, downloaded if necessary and possible.
    pub(super) fn open(store: &Store, events: &Events) -> Self {
        let networks = match cut_out_networks(store, events) {
            Ok(networks) => Some(networks),
            Err(error) => {
                events.warn(
                    "integrate.by_colour",
                    format!("the generated person is segmented by colour, because a network is not available: {error}"),
                );
                None
            }
        };
        Self { networks, missing: 0 }
    }

    /// The generated figure of a frame as a layer over it; none if the frame has no generated picture, or nothing stands
    /// out in that picture.
    pub(super) fn layer(
        &mut self,
        work: &Work<'_>,
        index: usize,
        frame: (usize, usize),
    ) -> Result<Option<Warp>, Error> {
        let path = work.run.generated_frame(work.clip_of(index), index);
        if !path.exists() {
            return Ok(None);
        }
        let generated = load_picture(&path)?;
        let mask = match &self.networks {
            Some(networks) => networks.look(&generated, None)?.mask,
            None => Some(unlike_ground(&generated)).filter(|mask| mask.cells().contains(&255)),
        };
        let Some(mask) = mask else {
            self.missing += 1;
            return Ok(None);
        };
        let clean = extended(&without_background(&generated, &mask), &mask, REACH);
        let layer = layer_in_frame(&clean, &mask, work.timeline.region(index), frame);
        Ok(layer.map(|(area, colour, alpha)| Warp::of_picture(area, colour, alpha)))
    }

    /// Warns of frames without a figure.
    pub(super) fn warn(&self, events: &Events) {
        if self.missing > 0 {
            let count = self.missing;
            events.warn(
                "integrate.no_figure",
                format!("frames without a visible generated person show only the background (number: {count})"),
            );
        }
    }
}
