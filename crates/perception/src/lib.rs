//! Frames to signals (pose, person mask, depth along the bones) and signals to conditions (shape-agnostic mask,
//! environment, skeleton map, structured depth, region of interest). Starts no process and uses no network.

pub mod pose;
