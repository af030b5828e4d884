//! Models a person: joints and mesh, motions, and poses on a floor and with props.

pub(crate) mod acts;
pub(crate) mod appearance;
pub(crate) mod balance;
pub(crate) mod bone;
pub(crate) mod character;
pub(crate) mod figure;
pub(crate) mod footing;
pub(crate) mod landmark;
pub(crate) mod limb;
pub(crate) mod mannequin;
pub(crate) mod motion;
pub(crate) mod performance;
pub(crate) mod pose;
pub(crate) mod reach;
pub(crate) mod rebuild;
pub(crate) mod skeleton;
pub(crate) mod stance;
