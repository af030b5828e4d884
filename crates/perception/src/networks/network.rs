//! Loads a network and runs it. An `.onnx` file runs unchanged in the ONNX runtime. A `.tflite` file is converted in
//! memory to ONNX models; depthwise convolutions and the resizing between them run in this project's own code.
//!
//! Values are `f32`. Pictures are planar, `[1, C, H, W]`. A `.tflite` network runs on one thread, so several networks
//! can run in parallel.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use kernels::{Cpu, convolve_planes};
use rten::{Model, NodeId, RunOptions, ThreadPool, ValueView};
use rten_tensor::Tensor;
use rten_tensor::prelude::*;

use crate::error::Error;
use crate::networks::tflite::{Converted, Fault, PlaneOperation, PlaneWork, Port, Step, onnx_from_tflite};

/// A loaded network with one input.
pub struct Network {
    path: PathBuf,
    steps: Vec<Loaded>,
    /// Number of values that the steps read and write. The network's input is value 0.
    values: usize,
    input_shape: Vec<usize>,
    outputs: Vec<usize>,
    output_shapes: Vec<Vec<usize>>,
    options: RunOptions,
    /// Buffers of the previous run, reused by the next one.
    spare: Mutex<Vec<Vec<f32>>>,
}

/// Largest number of buffers that are kept for the next run.
const SPARE: usize = 8;

/// One step, and the values (by number) that no later step needs.
struct Loaded {
    work: Work,
    spent: Vec<usize>,
}

enum Work {
    Onnx { model: Box<Model>, inputs: Vec<Slot>, outputs: Vec<Slot> },
    Planes { work: PlaneWork, source: usize, result: usize },
}

/// A value of the network that is an input or output of one of its models.
struct Slot {
    node: NodeId,
    value: usize,
    shape: Vec<usize>,
}

/// Maps the names of values to numbers.
struct Names(Vec<String>);

impl Names {
    fn number(&mut self, name: &str) -> usize {
        self.0.iter().position(|known| known == name).unwrap_or_else(|| {
            self.0.push(name.into());
            self.0.len() - 1
        })
    }
}

impl Network {
    /// Reads, converts and loads the part of a `.tflite` file that its first `outputs` outputs need.
    ///
    /// # Errors
    /// [`Error::ModelUnreadable`], [`Error::ModelMalformed`], [`Error::ModelUnsupported`], [`Error::ModelFailed`].
    pub fn open(path: &Path, outputs: usize) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::ModelUnreadable { path: path.into(), source })?;
        Self::from_bytes(path, &bytes, outputs)
    }

    /// Converts and loads the bytes of a `.tflite` file. `path` appears only in errors.
    ///
    /// # Errors
    /// [`Error::ModelMalformed`], [`Error::ModelUnsupported`], [`Error::ModelFailed`].
    pub fn from_bytes(path: &Path, bytes: &[u8], outputs: usize) -> Result<Self, Error> {
        let Converted { steps, inputs, outputs } = onnx_from_tflite(bytes, outputs).map_err(|fault| match fault {
            Fault::Malformed(reason) => Error::ModelMalformed { path: path.into(), reason },
            Fault::Unsupported(reason) => Error::ModelUnsupported { path: path.into(), reason },
        })?;
        let [input] = &inputs[..] else {
            let reason = format!("{} inputs, expected 1", inputs.len());
            return Err(Error::ModelUnsupported { path: path.into(), reason });
        };
        let mut names = Names(vec![input.name.clone()]);
        let load = |step| loaded(step, &mut names);
        let steps = steps.into_iter().map(load).collect::<Result<Vec<_>, _>>();
        let mut steps = steps.map_err(|reason| Error::ModelFailed { path: path.into(), reason })?;
        let numbers: Vec<usize> = outputs.iter().map(|port| names.number(&port.name)).collect();
        let mut needed: Vec<usize> = numbers.clone();
        for step in steps.iter_mut().rev() {
            let mut operands = step.work.operands();
            operands.retain(|value| !needed.contains(value) && *value != 0);
            needed.extend(&operands);
            step.spent = operands;
        }
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        Ok(Self {
            path: path.into(),
            steps,
            values: names.0.len(),
            input_shape: input.shape.clone(),
            outputs: numbers,
            output_shapes: outputs.into_iter().map(|port| port.shape).collect(),
            options: RunOptions::default().with_thread_pool(Some(pool)),
            spare: Mutex::default(),
        })
    }

    /// Reads and loads an `.onnx` file with one input of this shape, whose first outputs have these shapes.
    ///
    /// # Errors
    /// [`Error::ModelUnreadable`], [`Error::ModelMalformed`], [`Error::ModelMismatched`].
    pub fn open_onnx(
        path: &Path,
        role: &'static str,
        input_shape: &[usize],
        output_shapes: &[&[usize]],
    ) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::ModelUnreadable { path: path.into(), source })?;
        let malformed = |reason: String| Error::ModelMalformed { path: path.into(), reason };
        let model = Model::load(bytes).map_err(|error| malformed(error.to_string()))?;
        let (inputs, outputs) = (model.input_ids().to_vec(), model.output_ids().to_vec());
        if inputs.len() != 1 || outputs.len() < output_shapes.len() {
            return Err(Error::ModelMismatched {
                role,
                found: format!("{} input(s) and {} output(s)", inputs.len(), outputs.len()),
                expected: format!("`{input_shape:?} -> {output_shapes:?}`"),
                path: path.into(),
            });
        }
        // Value 0 is the input; the outputs follow.
        let slot = |node: NodeId, value: usize, shape: &[usize]| Slot { node, value, shape: shape.to_vec() };
        let results = outputs.iter().zip(output_shapes).enumerate();
        let results: Vec<Slot> = results.map(|(index, (&node, shape))| slot(node, index + 1, shape)).collect();
        let work =
            Work::Onnx { model: Box::new(model), inputs: vec![slot(inputs[0], 0, input_shape)], outputs: results };
        Ok(Self {
            path: path.into(),
            steps: vec![Loaded { work, spent: vec![] }],
            values: output_shapes.len() + 1,
            input_shape: input_shape.to_vec(),
            outputs: (1..=output_shapes.len()).collect(),
            output_shapes: output_shapes.iter().map(|shape| shape.to_vec()).collect(),
            // This is a large network for few pictures, so it uses all threads.
            options: RunOptions::default(),
            spare: Mutex::default(),
        })
    }

    /// Checks that the network has these shapes. Outputs beyond the listed ones are ignored.
    ///
    /// # Errors
    /// [`Error::ModelMismatched`].
    pub fn expect(self, role: &'static str, input: &[usize], outputs: &[&[usize]]) -> Result<Self, Error> {
        let alike = self.input_shape == input
            && outputs.len() <= self.output_shapes.len()
            && outputs.iter().zip(&self.output_shapes).all(|(expected, found)| found == expected);
        if alike {
            return Ok(self);
        }
        Err(Error::ModelMismatched {
            role,
            found: format!("`{:?} -> {:?}`", self.input_shape, self.output_shapes),
            expected: format!("`{input:?} -> {outputs:?}`"),
            path: self.path,
        })
    }

    /// Shape of the input, `[1, C, H, W]`.
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// Shapes of the outputs.
    pub fn output_shapes(&self) -> &[Vec<usize>] {
        &self.output_shapes
    }

    /// Runs the network and returns the outputs numbered in `wanted`, each row by row.
    ///
    /// # Errors
    /// [`Error::ModelFailed`] when the runtime fails.
    ///
    /// # Panics
    /// When `values` does not have the size of the input, or an output number is too high.
    pub fn run<const N: usize>(&self, values: &[f32], wanted: [usize; N]) -> Result<[Vec<f32>; N], Error> {
        let cells: usize = self.input_shape.iter().product();
        assert_eq!(values.len(), cells, "{} values for an input of shape {:?}", values.len(), self.input_shape);
        let run = || {
            let spare = std::mem::take(&mut *self.spare.lock().unwrap_or_else(PoisonError::into_inner));
            let mut made = Made { input: values, values: vec![Vec::new(); self.values], spare };
            for step in &self.steps {
                made.run(&step.work, &self.options)?;
                made.release(&step.spent);
            }
            let results = wanted.map(|output| made.value(self.outputs[output]).to_vec());
            made.spare.sort_by_key(|spare| std::cmp::Reverse(spare.capacity()));
            made.spare.truncate(SPARE);
            *self.spare.lock().unwrap_or_else(PoisonError::into_inner) = made.spare;
            Ok(results)
        };
        // The complete run moves to the pool's thread once, not once for each step.
        let done = match &self.options.thread_pool {
            Some(pool) => pool.run(run),
            None => run(),
        };
        done.map_err(|reason| Error::ModelFailed { path: self.path.clone(), reason })
    }
}

/// Loads a step. An error is the runtime's message.
fn loaded(step: Step, names: &mut Names) -> Result<Loaded, String> {
    let work = match step {
        Step::Planes(PlaneOperation { source, result, work }) => {
            Work::Planes { work, source: names.number(&source), result: names.number(&result) }
        }
        Step::Onnx { model, inputs, outputs } => {
            let model = Box::new(Model::load(model).map_err(|error| error.to_string())?);
            let mut slots = |ports: Vec<Port>| {
                let slot = |port: Port| {
                    let node = model.node_id(&port.name).map_err(|error| error.to_string())?;
                    Ok(Slot { node, value: names.number(&port.name), shape: port.shape })
                };
                ports.into_iter().map(slot).collect::<Result<Vec<_>, String>>()
            };
            let (inputs, outputs) = (slots(inputs)?, slots(outputs)?);
            Work::Onnx { model, inputs, outputs }
        }
    };
    Ok(Loaded { work, spent: Vec::new() })
}

impl Work {
    fn operands(&self) -> Vec<usize> {
        match self {
            Self::Onnx { inputs, .. } => inputs.iter().map(|slot| slot.value).collect(),
            Self::Planes { source, .. } => vec![*source],
        }
    }
}

/// The values computed so far in one run.
struct Made<'a> {
    input: &'a [f32],
    values: Vec<Vec<f32>>,
    /// Buffers of values that are no longer needed.
    spare: Vec<Vec<f32>>,
}

impl Made<'_> {
    fn value(&self, number: usize) -> &[f32] {
        if number == 0 { self.input } else { &self.values[number] }
    }

    fn release(&mut self, spent: &[usize]) {
        for number in spent {
            self.spare.push(std::mem::take(&mut self.values[*number]));
        }
    }

    /// A buffer of this many cells with arbitrary content.
    fn buffer(&mut self, cells: usize) -> Vec<f32> {
        let fitting = self.spare.iter().enumerate().filter(|(_, spare)| spare.capacity() >= cells);
        let place = fitting.min_by_key(|(_, spare)| spare.capacity()).map(|(place, _)| place);
        let mut buffer = place.map_or_else(Vec::new, |place| self.spare.swap_remove(place));
        buffer.resize(cells, 0.0);
        buffer
    }

    fn run(&mut self, work: &Work, options: &RunOptions) -> Result<(), String> {
        match work {
            Work::Planes { work: PlaneWork::Convolution { geometry, weight, bias }, source, result } => {
                let mut planes = self.buffer(geometry.channels[1] * geometry.result[0] * geometry.result[1]);
                convolve_planes(Cpu::detect(), self.value(*source), geometry, weight, bias, &mut planes);
                self.values[*result] = planes;
            }
            Work::Planes { work: PlaneWork::Resize(resize), source, result } => {
                let mut planes = self.buffer(resize.channels * resize.result[0] * resize.result[1]);
                resize.run(self.value(*source), &mut planes);
                self.values[*result] = planes;
            }
            Work::Onnx { model, inputs, outputs } => {
                let view = |slot: &Slot| {
                    let view = ValueView::from_shape(slot.shape.as_slice(), self.value(slot.value));
                    Ok((slot.node, view.map_err(|error| error.to_string())?.into()))
                };
                let inputs = inputs.iter().map(view).collect::<Result<Vec<_>, String>>()?;
                let nodes: Vec<NodeId> = outputs.iter().map(|slot| slot.node).collect();
                let results = model.run(inputs, &nodes, Some(options.clone())).map_err(|error| error.to_string())?;
                for (slot, result) in outputs.iter().zip(results) {
                    let tensor: Tensor<f32> = result.try_into().map_err(|_| "an output is not `f32`".to_owned())?;
                    if tensor.shape() != slot.shape.as_slice() {
                        return Err(format!("output of shape {:?}, expected {:?}", tensor.shape(), slot.shape));
                    }
                    self.values[slot.value] = tensor.into_data();
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
