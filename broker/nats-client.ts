/** The part of `nats` that we use. The build makes a file of its own of it, loaded by the first dial: an agent on MQTT has no need of it. */
export { connect, Events } from 'nats'
