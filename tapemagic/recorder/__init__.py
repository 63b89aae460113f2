"""The only room that knows TensorFlow: probes that observe a run and conclude nothing."""
