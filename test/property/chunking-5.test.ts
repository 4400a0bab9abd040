/** MQTT 5.0: how the bytes of a client arrive makes no difference. */
import { anyCut } from './chunking.js';

anyCut(5);
