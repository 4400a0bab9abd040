/** MQTT 3.1: how the bytes of a client arrive makes no difference. */
import { anyCut } from './chunking.js';

anyCut(3);
