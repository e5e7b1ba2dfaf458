"""The published parts as they come: Multi Model Server, sagemaker-inference, a plain Prophet handler."""
