//! Frames to signals (pose, person mask, depth along the bones) and signals to conditions (shape-agnostic mask,
//! environment, skeleton map, structured depth, region of interest). Starts no process and uses no network.

pub mod blazepose;
pub mod error;
pub mod mask;
pub mod network;
pub mod pose;

pub mod align;
mod distance;
pub mod inpaint;
pub mod paste;
pub mod region;
pub mod region_path;
mod resample;
pub mod skeleton;
mod stroke;
pub mod structured_depth;
mod tflite;
pub mod turned_square;
