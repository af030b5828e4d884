//! Runs AdamW, gradient clipping and the moving average on the device. All weights are stored in one vector, so a step
//! takes a dozen operations for any number of tensors, and nothing is read back to the host.

use burn::module::{AutodiffModule, Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Bool, DType, Tensor, TensorData};

use crate::optimizer::OptimizerConfig;

/// The result of an update, on the device.
#[derive(Debug, Clone)]
pub struct Step<B: Backend> {
    /// Gradient norm, `[1]`.
    pub length: Tensor<B, 1>,
    /// True if the update was skipped, `[1]`.
    pub is_skipped: Tensor<B, 1, Bool>,
}

/// The trained parameters of a module.
#[derive(Debug, Clone)]
pub struct FlatOptimizer<B: Backend> {
    config: OptimizerConfig,
    /// Weights.
    pub weights: Tensor<B, 1>,
    /// First moment of the gradient.
    pub first: Tensor<B, 1>,
    /// Second moment of the gradient.
    pub second: Tensor<B, 1>,
    /// Moving average of the weights.
    pub average: Tensor<B, 1>,
    /// 1 where weight decay applies: tensors with two axes or more.
    decays: Tensor<B, 1>,
    /// Number of updates so far.
    pub updates: u64,
}

impl<B: Backend> FlatOptimizer<B> {
    /// Copies the module's weights. The moments start at zero, and the average starts at the weights.
    pub fn new<A: AutodiffBackend<InnerBackend = B>, M: Module<A>>(module: &M, config: OptimizerConfig) -> Self {
        let mut reader = Reader { tensors: vec![], decays: vec![] };
        module.visit(&mut reader);
        let weights = Tensor::cat(reader.tensors, 0);
        let device = weights.device();
        let decays = TensorData::new(reader.decays, [weights.dims()[0]]);
        Self {
            config,
            first: weights.zeros_like(),
            second: weights.zeros_like(),
            average: weights.clone(),
            decays: Tensor::from_data(decays, &device),
            weights,
            updates: 0,
        }
    }

    /// Makes one update at this learning rate. If gradient or loss is not finite, nothing changes, but the step still
    /// counts for the bias correction of the moments.
    pub fn step<A: AutodiffBackend<InnerBackend = B>, M: AutodiffModule<A>>(
        &mut self,
        module: &M,
        gradients: &A::Gradients,
        loss: &Tensor<B, 1>,
        rate: f64,
    ) -> Step<B> {
        let mut reader = GradientReader::<A> { gradients, found: vec![] };
        module.visit(&mut reader);
        let gradient = Tensor::cat(reader.found, 0);
        let length = gradient.clone().square().sum().sqrt();
        let is_skipped = (length.clone() + loss.clone().abs()).is_finite().bool_not();
        let shrink = (length.clone().recip() * self.config.clip).clamp_max(1.0);
        let everywhere = is_skipped.clone().expand(gradient.dims());
        let gradient = (gradient * shrink).mask_fill(everywhere.clone(), 0.0);
        self.updates += 1;
        let steps = self.updates.min(1_000_000) as i32;
        let [beta_1, beta_2] = self.config.betas;
        let (correct_1, correct_2) = (1.0 - beta_1.powi(steps), 1.0 - beta_2.powi(steps));
        let or_before =
            |moved: Tensor<B, 1>, before: &Tensor<B, 1>| moved.mask_where(everywhere.clone(), before.clone());
        self.first = or_before(self.first.clone() * beta_1 + gradient.clone() * (1.0 - beta_1), &self.first);
        self.second = or_before(self.second.clone() * beta_2 + gradient.square() * (1.0 - beta_2), &self.second);
        let root = (self.second.clone() / correct_2).sqrt() + self.config.epsilon;
        let pull = self.decays.clone() * (-rate * self.config.weight_decay) + 1.0;
        let moved = self.weights.clone() * pull - self.first.clone() / root * (rate / correct_1);
        self.weights = or_before(moved, &self.weights);
        let keep = self.config.average.min(self.updates as f64 / (9 + self.updates) as f64);
        self.average = or_before(self.average.clone() * keep + self.weights.clone() * (1.0 - keep), &self.average);
        Step { length, is_skipped }
    }

    /// Writes the weights into the module, for differentiation.
    ///
    /// # Panics
    /// When the module has other tensors.
    pub fn write<A: AutodiffBackend<InnerBackend = B>, M: Module<A>>(&self, module: M) -> M {
        let mut writer = Writer { flat: self.weights.clone(), next: 0 };
        let module = module.map(&mut writer);
        assert_eq!(writer.next, self.weights.dims()[0], "the module has fewer weights than its optimiser");
        module
    }

    /// Writes the averaged weights into a module for inference.
    ///
    /// # Panics
    /// In the same cases as [`write`](Self::write).
    pub fn write_average<M: Module<B>>(&self, module: M) -> M {
        let mut writer = AverageWriter { flat: self.average.clone(), next: 0 };
        let module = module.map(&mut writer);
        assert_eq!(writer.next, self.average.dims()[0], "the module has fewer weights than its optimiser");
        module
    }
}

struct Reader<B: Backend> {
    tensors: Vec<Tensor<B, 1>>,
    decays: Vec<f32>,
}

impl<A: AutodiffBackend> ModuleVisitor<A> for Reader<A::InnerBackend> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<A, D>>) {
        let tensor = param.val().inner();
        let count = tensor.shape().num_elements();
        self.decays.extend(std::iter::repeat_n(if D > 1 { 1.0 } else { 0.0 }, count));
        self.tensors.push(tensor.reshape([count]));
    }
}

struct GradientReader<'a, A: AutodiffBackend> {
    gradients: &'a A::Gradients,
    found: Vec<Tensor<A::InnerBackend, 1>>,
}

impl<A: AutodiffBackend> ModuleVisitor<A> for GradientReader<'_, A> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<A, D>>) {
        let value = param.val();
        let count = value.shape().num_elements();
        let gradient = value.grad(self.gradients).unwrap_or_else(|| value.inner().zeros_like());
        self.found.push(gradient.reshape([count]));
    }
}

struct Writer<B: Backend> {
    flat: Tensor<B, 1>,
    next: usize,
}

impl<A: AutodiffBackend> ModuleMapper<A> for Writer<A::InnerBackend> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<A, D>>) -> Param<Tensor<A, D>> {
        let shape = param.val().shape();
        let count = shape.num_elements();
        let values = self.flat.clone().narrow(0, self.next, count).reshape(shape);
        self.next += count;
        Param::initialized(param.id, Tensor::from_inner(values).require_grad())
    }
}

struct AverageWriter<B: Backend> {
    flat: Tensor<B, 1>,
    next: usize,
}

impl<B: Backend> ModuleMapper<B> for AverageWriter<B> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let shape = param.val().shape();
        let count = shape.num_elements();
        let values = self.flat.clone().narrow(0, self.next, count).reshape(shape);
        self.next += count;
        Param::initialized(param.id, values)
    }
}

/// Converts weights to bf16 for the computation. Gradients flow to the original weights.
pub struct Halved;

impl<B: Backend> ModuleMapper<B> for Halved {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        Param::initialized(param.id, param.val().cast(DType::BF16))
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::{Autodiff, Flex};
    use model::layers::{LayerInitializer, Linear};

    use super::*;

    type Train = Autodiff<Flex>;

    fn values(tensor: &Tensor<Flex, 1>) -> Vec<f32> {
        tensor.to_data().to_vec().unwrap()
    }

    /// A valid loss.
    fn finite() -> Tensor<Flex, 1> {
        Tensor::from_floats([1.0], &Default::default())
    }

    /// A map of one number to one, with weight 1 and bias 0.
    fn module() -> Linear<Train> {
        let linear = Linear::init(1, 1, true, LayerInitializer::ZeroWithBias(0.0), &Default::default());
        Linear { weight: linear.weight.map(|weight| (weight + 1.0).detach().require_grad()), ..linear }
    }

    #[test]
    fn two_updates_by_hand() {
        let config = OptimizerConfig {
            betas: [0.5, 0.75],
            epsilon: 1e-12,
            average: 0.5,
            clip: 10.0,
            weight_decay: 0.0,
            ..Default::default()
        };
        let module = module();
        let mut optimizer = FlatOptimizer::<Flex>::new(&module, config);
        let loss = |module: &Linear<Train>, factor: f32| {
            module
                .forward(Tensor::<Train, 2>::from_floats([[4.0]], &Default::default()).mul_scalar(factor))
                .sum()
                .backward()
        };
        // Gradients of 4 for the weight and 1 for the bias: each moves by the learning rate.
        let length = optimizer.step(&module, &loss(&module, 1.0), &finite(), 0.1).length;
        assert!((length.into_scalar() - 17.0_f32.sqrt()).abs() < 1e-5);
        let found = values(&optimizer.weights);
        assert!((found[0] - 0.9).abs() < 1e-6 && (found[1] + 0.1).abs() < 1e-6, "{found:?}");
        // The average starts with a decay of 1/10.
        assert!((values(&optimizer.average)[0] - (0.1 + 0.9 * 0.9)).abs() < 1e-6);
        // Second update, gradient 0 of the weight: first = 1, corrected 4/3; second = 3, corrected 3/(1-9/16) = 48/7.
        optimizer.step(&module, &loss(&module, 0.0), &finite(), 0.1);
        let expected = 0.9 - 0.1 * (4.0 / 3.0) / (48.0_f32 / 7.0).sqrt();
        assert!((values(&optimizer.weights)[0] - expected).abs() < 1e-6);
        let written = optimizer.write(module);
        assert!((written.weight.val().into_scalar() - expected).abs() < 1e-6);
    }

    #[test]
    fn a_loss_or_gradient_that_is_not_finite_moves_nothing() {
        let module = module();
        let mut optimizer = FlatOptimizer::<Flex>::new(&module, OptimizerConfig::default());
        let gradients = |input: f32| {
            module.forward(Tensor::<Train, 2>::from_floats([[input]], &Default::default())).sum().backward()
        };
        // The moments alone would keep moving the weights.
        assert!(!optimizer.step(&module, &gradients(4.0), &finite(), 0.1).is_skipped.into_scalar());
        let all = |optimizer: &FlatOptimizer<Flex>| {
            [&optimizer.weights, &optimizer.first, &optimizer.second, &optimizer.average].map(values)
        };
        let before = all(&optimizer);
        for (input, factor) in [(f32::NAN, 1.0), (f32::INFINITY, 1.0), (1.0, f32::NAN), (1.0, f32::INFINITY)] {
            let skipped = optimizer.step(&module, &gradients(input), &(finite() * factor), 0.1).is_skipped;
            assert!(skipped.into_scalar(), "{input}, {factor}");
            assert_eq!(all(&optimizer), before, "{input}, {factor}");
        }
    }
}
