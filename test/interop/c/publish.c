/*
 * Subscribes to a topic and publishes to it with Eclipse Paho's synchronous C client, then prints what came back.
 *   gcc -o pub publish.c -lpaho-mqtt3c
 *   ./pub URI VERSION QOS PAYLOAD       VERSION: 4 = MQTT 3.1.1, 5 = MQTT 5.0
 * Prints "TOPIC QOS PAYLOAD" and, for 5.0, the user property that came with it; exit code 0 if all went well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <MQTTClient.h>

#define TOPIC "c/publish"
#define TIMEOUT_MS 10000L

static void check(int rc, const char *what)
{
    if (rc == MQTTCLIENT_SUCCESS)
        return;
    fprintf(stderr, "%s failed: %d\n", what, rc);
    exit(1);
}

static void check5(MQTTResponse response, const char *what, int expected)
{
    int code = (int)response.reasonCode;
    MQTTResponse_free(response);
    check(code == expected ? MQTTCLIENT_SUCCESS : code, what);
}

static void connect_and_subscribe(MQTTClient client, int version, int qos)
{
    if (version == MQTTVERSION_5) {
        MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer5;
        options.cleanstart = 1;
        check5(MQTTClient_connect5(client, &options, NULL, NULL), "connect", 0);
        check5(MQTTClient_subscribe5(client, TOPIC, qos, NULL, NULL), "subscribe", qos);
    } else {
        MQTTClient_connectOptions options = MQTTClient_connectOptions_initializer;
        options.MQTTVersion = version;
        options.cleansession = 1;
        check(MQTTClient_connect(client, &options), "connect");
        check(MQTTClient_subscribe(client, TOPIC, qos), "subscribe");
    }
}

static void publish(MQTTClient client, int version, int qos, char *payload)
{
    MQTTClient_deliveryToken token;
    MQTTClient_message message = MQTTClient_message_initializer;
    message.payload = payload;
    message.payloadlen = (int)strlen(payload);
    message.qos = qos;
    if (version == MQTTVERSION_5) {
        MQTTProperty property = { .identifier = MQTTPROPERTY_CODE_USER_PROPERTY };
        property.value.data = (MQTTLenString){ 6, "origin" };
        property.value.value = (MQTTLenString){ 1, "c" };
        check(MQTTProperties_add(&message.properties, &property), "property");
        check5(MQTTClient_publishMessage5(client, TOPIC, &message, &token), "publish", 0);
        MQTTProperties_free(&message.properties);
    } else {
        check(MQTTClient_publishMessage(client, TOPIC, &message, &token), "publish");
    }
    check(MQTTClient_waitForCompletion(client, token, TIMEOUT_MS), "acknowledgement");
}

static void receive(MQTTClient client)
{
    char *topic = NULL;
    int topic_length = 0;
    MQTTClient_message *message = NULL;
    check(MQTTClient_receive(client, &topic, &topic_length, &message, TIMEOUT_MS), "receive");
    if (message == NULL) {
        fprintf(stderr, "nothing came\n");
        exit(1);
    }
    printf("%s %d %.*s", topic, message->qos, message->payloadlen, (char *)message->payload);
    MQTTProperty *property = MQTTProperties_getPropertyAt(&message->properties, MQTTPROPERTY_CODE_USER_PROPERTY, 0);
    if (property != NULL)
        printf(" %.*s=%.*s", property->value.data.len, property->value.data.data,
               property->value.value.len, property->value.value.data);
    printf("\n");
    MQTTClient_freeMessage(&message);
    MQTTClient_free(topic);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s URI VERSION QOS PAYLOAD\n", argv[0]);
        return 2;
    }
    int version = atoi(argv[2]), qos = atoi(argv[3]);
    MQTTClient client;
    MQTTClient_createOptions options = MQTTClient_createOptions_initializer;
    options.MQTTVersion = version;
    check(MQTTClient_createWithOptions(&client, argv[1], "c-program", MQTTCLIENT_PERSISTENCE_NONE, NULL, &options), "create");
    connect_and_subscribe(client, version, qos);
    publish(client, version, qos, argv[4]);
    receive(client);
    if (version == MQTTVERSION_5)
        check(MQTTClient_disconnect5(client, 1000, MQTTREASONCODE_SUCCESS, NULL), "disconnect");
    else
        check(MQTTClient_disconnect(client, 1000), "disconnect");
    MQTTClient_destroy(&client);
    return 0;
}
